import { ApiError } from '../lib/errors.ts';

/** There is no task with that id. */
export function unknownTask(id: string): ApiError {
  return new ApiError('task_not_found', `There is no task ${id}.`);
}
