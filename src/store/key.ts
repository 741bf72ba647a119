import { createHash, randomBytes } from 'node:crypto';

/** Prefix of every key, by which people and secret scanners recognize it. */
const PREFIX = 'recoup_';
/** Number of random bytes in a secret. 256 bits cannot be guessed, so a fast hash is as safe as a slow one. */
const SECRET_BYTES = 32;
const ID_BYTES = 6;

/** Creates a key: `recoup_` followed by 43 characters of A–Z a–z 0–9 _ -. */
export function newKey(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64url');
}

/** Creates the id of a key, e.g. `key_1f0a9c3b7d52`. */
export function newKeyId(): string {
  return `key_${randomBytes(ID_BYTES).toString('hex')}`;
}

/** Returns the stored form of a key: its SHA-256 in base64url. */
export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}
