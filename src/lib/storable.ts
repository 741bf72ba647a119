import { fieldAt } from './errors.ts';

/**
 * NUL, which BSON's names cannot have, and halves of surrogate pairs, which UTF-8 cannot express. The patterns in the spec
 * exclude NUL alone: the regular expressions of RE2, Rust and others cannot name surrogates.
 */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** A value that a database cannot keep; the message names its field. */
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
 * Walks through JSON, whose depth is bounded when it is read.
 * @returns whether it has a bigint
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

/** A text in which U+FFFD stands for each character that a database cannot keep. */
export function storableText(text: string): string {
  return text.replaceAll(new RegExp(UNSTORABLE, 'gu'), '\uFFFD');
}
