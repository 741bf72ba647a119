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

/** A document's contribution to an index. */
export interface IndexEntry {
  /** The sortable bytes of all fields, of any length. */
  readonly key: Buffer;
  readonly values: readonly (RawValue | undefined)[];
}

/** Maximum length of a key that is stored whole. A longer one is stored as its start of this length and a hash. */
export const LONG_KEY_BYTES = 1800;

/**
 * Returns the entry of a document for the fields of an index or a sort.
 * @throws CommandError 2 if one of the fields has an array; MongoDB would index every element
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

/** Inverts every bit so that keys sort in reverse. Used for descending fields. */
export function inverted(key: Buffer): Buffer {
  const result = Buffer.allocUnsafe(key.length);
  for (let at = 0; at < key.length; at++) result[at] = ~(key[at] ?? 0);
  return result;
}

/** Returns the stored form of an index key: the key itself or, if it is long, its start and a SHA-256 of the whole. */
export function storedKey(key: Buffer): Buffer {
  if (key.length <= LONG_KEY_BYTES) return key;
  return Buffer.concat([key.subarray(0, LONG_KEY_BYTES), createHash('sha256').update(key).digest()]);
}

/** Returns the smallest bytes greater than everything that starts with `prefix`. */
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
