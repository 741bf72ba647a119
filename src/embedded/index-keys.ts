import { createHash } from 'node:crypto';
import { unsupported } from './errors.ts';
import type { FieldName } from './field-name.ts';
import { type RawValue, TYPE, fieldOf, isArray } from './raw-bson.ts';
import { valueKey } from './value-key.ts';

/** A field of an index or sort, ascending (1) or descending (-1). */
export interface KeyPart {
  readonly field: FieldName;
  readonly direction: 1 | -1;
}

/** The key and the values of one document for the fields of an index or a sort. */
export interface IndexEntry {
  /** The fields' values as sortable bytes, of any length. storedKey() shortens them for the store. */
  readonly key: Buffer;
  /** The fields' values in the order of the index; undefined for a missing field. */
  readonly values: readonly (RawValue | undefined)[];
}

/** Maximum length in bytes of a key that is stored whole. storedKey() cuts longer keys and appends a hash. */
export const LONG_KEY_BYTES = 1800;

/**
 * Returns the entry of a document for the fields of an index or a sort.
 * @throws CommandError 2 if a field contains an array; MongoDB would index each element
 */
export function indexEntry(document: RawValue, parts: readonly KeyPart[]): IndexEntry {
  const values: (RawValue | undefined)[] = [];
  const keys: Buffer[] = [];
  for (const { field, direction } of parts) {
    const value = fieldOf(document, field.bytes);
    if (isArray(value)) throw unsupported(`an array in '${field.text}', a field of an index or a sort,`);
    const key = valueKey(value?.type === TYPE.undefined ? undefined : value);
    values.push(value);
    keys.push(direction === -1 ? inverted(key) : key);
  }
  return { key: keys.length === 1 && keys[0] ? keys[0] : Buffer.concat(keys), values };
}

/** Inverts every bit of a key, so that the keys of a descending field sort in reverse. */
export function inverted(key: Buffer): Buffer {
  const result = Buffer.allocUnsafe(key.length);
  for (let at = 0; at < key.length; at++) result[at] = ~(key[at] ?? 0);
  return result;
}

/** Returns the stored form of an index key: the key itself or, if it is long, its start and its SHA-256. */
export function storedKey(key: Buffer): Buffer {
  if (key.length <= LONG_KEY_BYTES) return key;
  return Buffer.concat([key.subarray(0, LONG_KEY_BYTES), createHash('sha256').update(key).digest()]);
}

/** Returns the exclusive end of the range of all keys that start with `prefix`. */
export function afterPrefix(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  for (let at = end.length - 1; at >= 0; at--) {
    const byte = end[at] ?? 0;
    if (byte < 255) {
      end[at] = byte + 1;
      return end.subarray(0, at + 1);
    }
  }
  return Buffer.concat([prefix, Buffer.alloc(1, 255)]);
}
