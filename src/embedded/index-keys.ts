import { createHash } from 'node:crypto';
import { CommandError } from './errors.ts';
import { type Path, arrayIndex } from './paths.ts';
import { type RawValue, TYPE, fieldOf, isArray, isObject, valuesOf } from './raw-bson.ts';
import { EMPTY_ARRAY_KEY, valueKey } from './value-key.ts';

/** One field of an index or sort: where, and ascending (1) or descending (-1). */
export interface KeyPart {
  readonly path: Path;
  readonly direction: 1 | -1;
}

/** What a document contributes to an index: one entry, or one per array element. */
export interface IndexEntry {
  /** Sortable bytes of all fields, whatever their length. */
  readonly key: Buffer;
  readonly values: readonly (RawValue | undefined)[];
}

export interface IndexEntries {
  readonly entries: readonly IndexEntry[];
  /** Per field of the index: whether an array was met on its path; empty if none was on any. */
  readonly multikey: readonly boolean[];
}

/** Keys above this length are stored as their first bytes and a hash of the whole. */
export const LONG_KEY_BYTES = 1800;

/** Where the walk along one field of the index stands: on the way (value, next part), at its end, or past an array. */
type Stand =
  | { readonly done: true; readonly value: RawValue | undefined; readonly none?: boolean }
  | { readonly done: false; readonly container: RawValue; readonly at: number };

/**
 * The entries of a document for the fields of an index, without duplicates.
 * @throws CommandError 171 if two fields lie in different arrays
 */
export function indexEntries(document: RawValue, parts: readonly KeyPart[]): IndexEntries {
  const plain = plainValues(document, parts);
  if (plain) return { entries: [{ key: joinKey(plain, parts), values: plain }], multikey: NO_ARRAYS };
  const multikey = parts.map(() => false);
  const found = new Map<string, IndexEntry>();
  const stands: Stand[] = parts.map(() => ({ done: false, container: document, at: 0 }));
  expand(stands, parts, multikey, (ended) => {
    const values = ended.map(({ value }) => value);
    const key = joinKey(values, parts, ended);
    found.set(key.toString('latin1'), { key, values });
  });
  return { entries: [...found.values()], multikey };
}

const NO_ARRAYS: readonly boolean[] = [];

/** The values at all paths, or undefined if there is an array on one: the quick way for nearly all documents. */
function plainValues(
  document: RawValue,
  parts: readonly KeyPart[],
): readonly (RawValue | undefined)[] | undefined {
  const values: (RawValue | undefined)[] = [];
  for (const { path } of parts) {
    let value: RawValue | undefined = document;
    for (const name of path.parts) {
      value = isObject(value) ? fieldOf(value, name) : undefined;
      if (isArray(value)) return undefined;
    }
    values.push(value);
  }
  return values;
}

type Ended = Extract<Stand, { done: true }>;

function expand(
  stands: readonly Stand[],
  parts: readonly KeyPart[],
  multikey: boolean[],
  emit: (ended: Ended[]) => void,
): void {
  const walked = stands.map((stand, field) => descend(stand, parts[field]));
  let array: RawValue | undefined;
  for (const [field, step] of walked.entries()) {
    if (!step.array) continue;
    if (array && array.start !== step.array.start) throw parallel(parts, walked);
    array = step.array;
    multikey[field] = true;
  }
  if (!array) {
    emit(walked.map(({ stand }) => (stand.done ? stand : { done: true, value: undefined })));
    return;
  }
  const items = valuesOf(array);
  const rounds: (RawValue | undefined)[] = items.length > 0 ? items : [undefined];
  for (const item of rounds) {
    const next = walked.map(({ stand, array: stopped }, field) =>
      stopped ? enter(item, stand, parts[field]) : stand,
    );
    expand(next, parts, multikey, emit);
  }
}

/** Walks through objects; stops at the end, or at the first array, which is returned with where it was met. */
function descend(stand: Stand, part: KeyPart | undefined): { stand: Stand; array?: RawValue } {
  if (stand.done || !part) return { stand };
  let { container, at } = stand;
  const names = part.path.parts;
  for (;;) {
    const name = names[at];
    const value = name && fieldOf(container, name);
    at += 1;
    if (isArray(value)) {
      const index = at < names.length ? arrayIndex(names[at]) : -1;
      if (index < 0) return { stand: { done: false, container, at }, array: value };
      container = value;
      continue;
    }
    if (at === names.length || !isObject(value)) {
      return { stand: { done: true, value: at === names.length ? value : undefined } };
    }
    container = value;
  }
}

/** Steps from an array into one of its elements (undefined: the array is empty). */
function enter(item: RawValue | undefined, stand: Stand, part: KeyPart | undefined): Stand {
  const atEnd = !stand.done && stand.at === part?.path.parts.length;
  if (item && atEnd) return { done: true, value: item };
  if (item && isObject(item) && !stand.done) return { done: false, container: item, at: stand.at };
  return { done: true, value: undefined, none: true };
}

function parallel(parts: readonly KeyPart[], walked: readonly { array?: RawValue }[]): CommandError {
  const names = parts.filter((_, field) => walked[field]?.array).map(({ path }) => path.text);
  return new CommandError(171, `cannot index parallel arrays [${names.map(lastName).join('] [')}]`);
}

function lastName(path: string): string {
  return path.split('.').at(-1) ?? path;
}

function joinKey(
  values: readonly (RawValue | undefined)[],
  parts: readonly KeyPart[],
  ended: readonly Ended[] = [],
): Buffer {
  const keys = values.map((value, field) => {
    const key = ended[field]?.none
      ? EMPTY_ARRAY_KEY
      : valueKey(value?.type === TYPE.undefined ? undefined : value);
    return parts[field]?.direction === -1 ? inverted(key) : key;
  });
  return keys.length === 1 && keys[0] ? keys[0] : Buffer.concat(keys);
}

/** The bytes with their order reversed, for descending fields. */
export function inverted(key: Buffer): Buffer {
  const result = Buffer.allocUnsafe(key.length);
  for (let at = 0; at < key.length; at++) result[at] = ~(key[at] ?? 0);
  return result;
}

/** The stored form of an index key: itself, or for a long one its start and a SHA-256 of the whole. */
export function storedKey(key: Buffer): Buffer {
  if (key.length <= LONG_KEY_BYTES) return key;
  return Buffer.concat([key.subarray(0, LONG_KEY_BYTES), createHash('sha256').update(key).digest()]);
}

/** The least bytes above everything that starts with `prefix`. */
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
