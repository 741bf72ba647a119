import { ApiError } from '../lib/errors.ts';

/** The error for an id that no task has. */
export function unknownTask(id: string): ApiError {
  return new ApiError('task_not_found', `There is no task ${id}.`);
}
