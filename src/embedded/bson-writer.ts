import { BSON } from 'bson';
import { RawValue, TYPE, documentValue, valueEnd } from './raw-bson.ts';

/** A value that can be encoded as BSON, e.g. a plain object, an array, a Long, or a RawValue to copy. */
export type Encodable = RawValue | string | number | bigint | boolean | null | undefined | object;

/** Part of a document under construction: a length prefix or bytes. join() copies all pieces into one buffer. */
type Piece = number | Buffer | RawValue;

/** Encodes an object as a BSON document. Omits undefined fields, and encodes integers as Int32 if they fit. */
export function encodeDocument(fields: Readonly<Record<string, Encodable>>): Buffer {
  const pieces: Piece[] = [];
  return join(pieces, pushDocument(pieces, Object.entries(fields)));
}

/** Builds a document with the fields in the given order. Unlike in an object, names may repeat or look like numbers. */
export function documentOf(fields: Iterable<readonly [string, RawValue]>): RawValue {
  const pieces: Piece[] = [];
  return documentValue(join(pieces, pushDocument(pieces, fields)));
}

export function arrayOf(values: readonly RawValue[]): RawValue {
  const pieces: Piece[] = [];
  const bytes = join(pieces, pushArray(pieces, values));
  return new RawValue(TYPE.array, bytes, 0, bytes.length);
}

/** Encodes a single value. Throws bson's error for a value that BSON cannot contain. */
export function rawOf(value: Encodable): RawValue {
  if (value instanceof RawValue) return value;
  const bytes = Buffer.from(encodeDocument({ v: value ?? null }));
  const type = bytes[4] ?? 0;
  return new RawValue(type, bytes, 7, valueEnd(type, bytes, 7));
}

export const NULL = new RawValue(TYPE.null, Buffer.alloc(0), 0, 0);

const END = Buffer.alloc(1);
/** Size in bytes of an empty document or array: its length prefix and its final NUL. */
const SHELL_BYTES = 5;

/** Adds a document to `pieces`. Returns its number of bytes, as the other push functions do. */
function pushDocument(pieces: Piece[], fields: Iterable<readonly [string, Encodable]>): number {
  const head = pieces.push(0) - 1;
  let length = SHELL_BYTES;
  for (const [name, value] of fields) length += pushField(pieces, name, value);
  pieces.push(END);
  pieces[head] = length;
  return length;
}

function pushArray(pieces: Piece[], values: readonly Encodable[]): number {
  return pushDocument(
    pieces,
    values.map((value, at) => [String(at), value]),
  );
}

function pushField(pieces: Piece[], name: string, value: Encodable): number {
  if (value === undefined) return 0;
  if (value instanceof RawValue) {
    const header = pushHeader(pieces, value.type, name);
    pieces.push(value);
    return header + value.end - value.start;
  }
  if (Array.isArray(value)) return pushHeader(pieces, TYPE.array, name) + pushArray(pieces, value);
  if (isPlain(value)) {
    return pushHeader(pieces, TYPE.object, name) + pushDocument(pieces, Object.entries(value));
  }
  const encoded = BSON.serialize({ [name]: value }, { ignoreUndefined: false });
  const field = Buffer.from(encoded.buffer, encoded.byteOffset + 4, encoded.byteLength - SHELL_BYTES);
  pieces.push(field);
  return field.length;
}

function pushHeader(pieces: Piece[], type: number, name: string): number {
  const header = Buffer.from(`\0${name}\0`);
  header[0] = type;
  pieces.push(header);
  return header.length;
}

function join(pieces: readonly Piece[], length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === 'number') at = bytes.writeInt32LE(piece, at);
    else if (piece instanceof RawValue) at += piece.bytes.copy(bytes, at, piece.start, piece.end);
    else at += piece.copy(bytes, at);
  }
  return bytes;
}

function isPlain(value: unknown): value is Record<string, Encodable> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
