import { createHash, randomBytes } from 'node:crypto';

/** Tells people, and scanners of leaked secrets, what it is. */
const PREFIX = 'recoup_';
/** 256 bits: nobody guesses one, so that a fast hash of it is as good as a slow one. */
const SECRET_BYTES = 32;
const ID_BYTES = 6;

/** A new key: `recoup_` and 43 of the characters A–Z a–z 0–9 _ -. */
export function newKey(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64url');
}

/** A new id of a key, such as `key_1f0a9c3b7d52`. */
export function newKeyId(): string {
  return `key_${randomBytes(ID_BYTES).toString('hex')}`;
}

/** What is stored of a key: SHA-256 in base64url. */
export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}
