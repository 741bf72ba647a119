import { CommandError } from './errors.ts';

/**
 * A BSON value, read in place: it points into the bytes that contain it. Values that are only stored, compared or
 * returned are never decoded. Types, field order and numbers such as -0 or 5.0 thus survive byte for byte.
 */
export class RawValue {
  readonly type: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;

  constructor(type: number, bytes: Buffer, start: number, end: number) {
    this.type = type;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }
}

export type RawField = readonly [name: string, value: RawValue];

export const TYPE = {
  double: 1,
  string: 2,
  object: 3,
  array: 4,
  binary: 5,
  undefined: 6,
  objectId: 7,
  bool: 8,
  date: 9,
  null: 10,
  regex: 11,
  dbPointer: 12,
  code: 13,
  symbol: 14,
  codeWithScope: 15,
  int: 16,
  timestamp: 17,
  long: 18,
  decimal: 19,
  minKey: 255,
  maxKey: 127,
} as const;

/** MongoDB's limit for a stored document, in bytes. */
export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
/** MongoDB's limit for the depth of nested documents and arrays in a stored document. */
export const MAX_DEPTH = 100;
/** A command contains documents, so it may be this much deeper than a stored document. */
export const COMMAND_DEPTH = 10;

/** Size of a value in bytes, by BSON type; -1 for types of variable size. */
const FIXED_SIZES = new Int8Array(256).fill(-1);
for (const type of [TYPE.undefined, TYPE.null, TYPE.minKey, TYPE.maxKey]) FIXED_SIZES[type] = 0;
for (const type of [TYPE.double, TYPE.date, TYPE.timestamp, TYPE.long]) FIXED_SIZES[type] = 8;
FIXED_SIZES[TYPE.objectId] = 12;
FIXED_SIZES[TYPE.bool] = 1;
FIXED_SIZES[TYPE.int] = 4;
FIXED_SIZES[TYPE.decimal] = 16;

/** Returns the offset of the NUL that ends a field's name. Names are short, so a loop is faster than indexOf. */
function nameEndFrom(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== 0) at += 1;
  return at;
}

/** Returns the offset after a value of `type` that starts at `at`. */
export function valueEnd(type: number, bytes: Buffer, at: number): number {
  const fixed = FIXED_SIZES[type] ?? -1;
  if (fixed >= 0) return at + fixed;
  switch (type) {
    case TYPE.string:
    case TYPE.code:
    case TYPE.symbol:
      return at + 4 + bytes.readInt32LE(at);
    case TYPE.object:
    case TYPE.array:
    case TYPE.codeWithScope:
      return at + bytes.readInt32LE(at);
    case TYPE.binary:
      return at + 5 + bytes.readInt32LE(at);
    case TYPE.regex:
      return bytes.indexOf(0, bytes.indexOf(0, at) + 1) + 1;
    case TYPE.dbPointer:
      return at + 4 + bytes.readInt32LE(at) + 12;
    default:
      throw new CommandError(22, `unrecognized BSON type ${type}`);
  }
}

/** Wraps the bytes of a whole document without copying or checking them. */
export function documentValue(bytes: Buffer): RawValue {
  return new RawValue(TYPE.object, bytes, 0, bytes.length);
}

/** Returns the fields of an object or array, in stored order. */
export function fieldsOf(value: RawValue): RawField[] {
  const { bytes } = value;
  const fields: RawField[] = [];
  let at = value.start + 4;
  const stop = value.end - 1;
  while (at < stop) {
    const type = bytes[at] ?? 0;
    const nameEnd = nameEndFrom(bytes, at + 1);
    const end = valueEnd(type, bytes, nameEnd + 1);
    fields.push([bytes.toString('utf8', at + 1, nameEnd), new RawValue(type, bytes, nameEnd + 1, end)]);
    at = end;
  }
  return fields;
}

export function valuesOf(value: RawValue): RawValue[] {
  return fieldsOf(value).map(([, inner]) => inner);
}

/** Returns the value of the first field with this name (UTF-8), or undefined. */
export function fieldOf(value: RawValue, name: Buffer): RawValue | undefined {
  const { bytes } = value;
  let at = value.start + 4;
  const stop = value.end - 1;
  while (at < stop) {
    const type = bytes[at] ?? 0;
    const nameEnd = nameEndFrom(bytes, at + 1);
    const end = valueEnd(type, bytes, nameEnd + 1);
    if (nameEnd - at - 1 === name.length && startsWith(bytes, at + 1, name)) {
      return new RawValue(type, bytes, nameEnd + 1, end);
    }
    at = end;
  }
  return undefined;
}

function startsWith(bytes: Buffer, from: number, name: Buffer): boolean {
  for (let at = 0; at < name.length; at++) if (bytes[from + at] !== name[at]) return false;
  return true;
}

/**
 * Copies an object with only the fields in `names`, or with all others if `keep` is false. Keeps order and bytes.
 * @param names - the element at index n lists the names that are n bytes long
 */
export function pickFields(value: RawValue, names: readonly (readonly Buffer[])[], keep: boolean): RawValue {
  const { bytes } = value;
  const picked: number[] = [];
  let length = 5;
  let at = value.start + 4;
  const stop = value.end - 1;
  while (at < stop) {
    const from = at + 1;
    const nameEnd = nameEndFrom(bytes, from);
    const end = valueEnd(bytes[at] ?? 0, bytes, nameEnd + 1);
    if ((names[nameEnd - from]?.some((name) => startsWith(bytes, from, name)) ?? false) === keep) {
      // Copy adjacent fields together.
      if (picked.at(-1) === at) picked[picked.length - 1] = end;
      else picked.push(at, end);
      length += end - at;
    }
    at = end;
  }
  const result = Buffer.allocUnsafe(length);
  let to = result.writeInt32LE(length);
  for (let pair = 0; pair < picked.length; pair += 2)
    to += bytes.copy(result, to, picked[pair], picked[pair + 1]);
  result[to] = 0;
  return documentValue(result);
}

/** Copies an object, e.g. before lmdb reuses the memory of a document that it returned. */
export function copyOf(value: RawValue): RawValue {
  return documentValue(Buffer.from(documentBytes(value)));
}

/** Returns the bytes of an object or array, without copying them. */
export function documentBytes(value: RawValue): Buffer {
  return value.bytes.subarray(value.start, value.end);
}

/** Returns the text of a string, symbol or code value. */
export function textOf(value: RawValue): string {
  return value.bytes.toString('utf8', value.start + 4, value.end - 1);
}

/** Whether two values have the same type and bytes, so that no client can distinguish them. */
export function identicalValues(left: RawValue, right: RawValue): boolean {
  return (
    left.type === right.type &&
    left.bytes.compare(right.bytes, right.start, right.end, left.start, left.end) === 0
  );
}

export function isObject(value: RawValue | undefined): value is RawValue & { readonly type: 3 } {
  return value?.type === TYPE.object;
}

export function isArray(value: RawValue | undefined): value is RawValue & { readonly type: 4 } {
  return value?.type === TYPE.array;
}

/** Whether the value has a number type that the engine can calculate with: any but Decimal128. */
export function isNumber({ type }: RawValue): boolean {
  return type === TYPE.double || type === TYPE.int || type === TYPE.long;
}

/** MongoDB's truthiness: everything except false, null, undefined and zero. */
export function isTruthy({ type, bytes, start, end }: RawValue): boolean {
  if (type === TYPE.null || type === TYPE.undefined) return false;
  if (type === TYPE.double) return bytes.readDoubleLE(start) !== 0;
  if (type !== TYPE.bool && type !== TYPE.int && type !== TYPE.long) return true;
  return bytes.subarray(start, end).some((byte) => byte !== 0);
}

/**
 * Checks that the bytes at `start` are one well-formed document within `limit`.
 * @returns the offset after the document
 * @throws CommandError 22 (InvalidBSON) or 15 (nested too deeply)
 */
export function checkDocument(bytes: Buffer, start: number, limit: number, depth = 0): number {
  if (depth > MAX_DEPTH + COMMAND_DEPTH) throw new CommandError(15, 'BSON document nested too deeply');
  if (start + 5 > limit) throw new CommandError(22, 'BSON document truncated');
  const end = start + bytes.readInt32LE(start);
  if (end < start + 5 || end > limit || bytes[end - 1] !== 0) {
    throw new CommandError(22, 'BSON document has a wrong length');
  }
  let at = start + 4;
  while (at < end - 1) at = checkField(bytes, at, end - 1, depth);
  if (at !== end - 1) throw new CommandError(22, 'BSON document has a wrong length');
  return end;
}

function checkField(bytes: Buffer, at: number, limit: number, depth: number): number {
  const type = bytes[at] ?? 0;
  let nameEnd = at + 1;
  while (nameEnd < limit && bytes[nameEnd] !== 0) nameEnd += 1;
  if (nameEnd >= limit) throw new CommandError(22, 'BSON field name not terminated');
  const from = nameEnd + 1;
  if (FIXED_SIZES[type] === -1 && type !== TYPE.regex) checkLength(type, bytes, from, limit);
  const end = valueEnd(type, bytes, from);
  if (end <= nameEnd || end > limit) throw new CommandError(22, 'BSON value exceeds its document');
  if (type === TYPE.object || type === TYPE.array) checkDocument(bytes, from, end, depth + 1);
  return end;
}

function checkLength(type: number, bytes: Buffer, at: number, limit: number): void {
  if (at + 4 > limit) throw new CommandError(22, 'BSON value truncated');
  const length = bytes.readInt32LE(at);
  const isText =
    type === TYPE.string || type === TYPE.symbol || type === TYPE.code || type === TYPE.dbPointer;
  const least = isText ? 1 : type === TYPE.binary ? 0 : 5;
  if (length < least || at + length > limit) throw new CommandError(22, 'BSON value has a wrong length');
  if (isText && bytes[at + 4 + length - 1] !== 0) throw new CommandError(22, 'BSON string not terminated');
}
