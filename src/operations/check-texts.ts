import { ApiError } from '../lib/errors.ts';
import { Unstorable, checkStorable } from '../lib/storable.ts';

/**
 * Refuses a value with a text or a field name that the database would not return unchanged.
 * @param path - location of the value in the body, such as `runs.0`, for the error message
 * @returns whether the value contains a bigint
 * @throws ApiError invalid_body
 */
export function refuseUnstorable(path: string, value: unknown): boolean {
  try {
    return checkStorable(path, value);
  } catch (error) {
    if (error instanceof Unstorable) throw new ApiError('invalid_body', error.message, { cause: error });
    throw error;
  }
}

/**
 * Refuses a body with a text that the database would not return unchanged.
 * @throws ApiError invalid_body for the first such field
 */
export function checkTexts(body: object): void {
  for (const [name, value] of Object.entries(body)) refuseUnstorable(name, value);
}
