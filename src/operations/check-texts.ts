import { ApiError, fieldAt } from '../lib/errors.ts';

/**
 * NUL, which BSON's names cannot have, and halves of surrogate pairs, which UTF-8 cannot express. The patterns in the spec
 * exclude NUL alone: the regular expressions of RE2, Rust and others cannot name surrogates.
 */
export const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** @throws ApiError */
export function refuse(path: string, problem: string): never {
  throw new ApiError('invalid_body', `${fieldAt(path)} ${problem}.`);
}

/** @throws ApiError for a text that a database cannot keep */
export function checkText(path: string, value: unknown): void {
  if (typeof value === 'string' && UNSTORABLE.test(value)) {
    refuse(path, 'must not have NUL characters or halves of surrogate pairs');
  }
}

/** @throws ApiError for the first field of a flat body whose text a database cannot keep */
export function checkTexts(body: object): void {
  for (const [name, value] of Object.entries(body)) checkText(name, value);
}
