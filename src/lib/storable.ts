import { fieldAt } from './errors.ts';

/**
 * Characters that the service refuses: unpaired surrogates, which UTF-8 cannot encode, and NUL, which BSON forbids in field
 * names. The patterns in the spec exclude only NUL, because RE2, Rust's regex crate and some other engines cannot match
 * surrogates.
 */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** Thrown for a value that a database cannot store. The message names its field. */
export class Unstorable extends Error {
  constructor(path: string, problem: string) {
    super(`${fieldAt(path)} ${problem}.`);
  }
}

function checkNames(path: string, names: string[]): void {
  for (const name of names) {
    if (UNSTORABLE.test(name))
      throw new Unstorable(path, 'has a name with a NUL character or an unpaired surrogate');
  }
  if (names.includes('_bsontype')) {
    throw new Unstorable(path, 'has the name "_bsontype", which the database reserves');
  }
  if (names.includes('$ref') && names.includes('$id')) {
    throw new Unstorable(path, 'has both names "$ref" and "$id", a combination that the database reserves');
  }
}

/**
 * Checks that a database can store a JSON value. Recursion is safe, because the parser limits the depth.
 * @returns whether the value contains a bigint
 * @throws Unstorable
 */
export function checkStorable(path: string, value: unknown): boolean {
  if (typeof value === 'string' && UNSTORABLE.test(value)) {
    throw new Unstorable(path, 'must not contain NUL characters or unpaired surrogates');
  }
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint';
  if (!Array.isArray(value)) checkNames(path, Object.keys(value));
  let hasBigint = false;
  for (const [name, member] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    if (checkStorable(path === '' ? String(name) : `${path}.${name}`, member)) hasBigint = true;
  }
  return hasBigint;
}

/** Replaces each character that a database cannot store with U+FFFD. */
export function storableText(text: string): string {
  return text.replaceAll(new RegExp(UNSTORABLE, 'gu'), '\uFFFD');
}
