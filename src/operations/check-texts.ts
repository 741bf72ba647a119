import { ApiError } from '../lib/errors.ts';
import { Unstorable, checkStorable } from '../lib/storable.ts';

/**
 * Refuses texts and field names that the database would not return unchanged.
 * @returns whether the value contains a bigint
 * @throws ApiError
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
 * Checks each field of a flat body.
 * @throws ApiError for the first field with a text that the database cannot store
 */
export function checkTexts(body: object): void {
  for (const [name, value] of Object.entries(body)) refuseUnstorable(name, value);
}
