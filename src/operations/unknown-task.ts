import { ApiError } from '../lib/errors.ts';

/** Returns the error for a task id that does not exist, or that the caller may not see. */
export function unknownTask(id: string): ApiError {
  return new ApiError('task_not_found', `There is no task ${id}.`);
}
