import { ApiError } from '../lib/errors.ts';
import { Unstorable, checkStorable } from '../lib/storable.ts';

/**
 * Refuses texts and names that would not come back from the database as they went in.
 * @returns whether the value has a bigint
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

/** @throws ApiError for the first field of a flat body whose text a database cannot keep */
export function checkTexts(body: object): void {
  for (const [name, value] of Object.entries(body)) refuseUnstorable(name, value);
}
