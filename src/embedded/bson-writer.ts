import { BSON } from 'bson';
import { RawValue, TYPE, documentValue, valueEnd } from './raw-bson.ts';

/** What the writer can encode: stored values as they are, plain objects and arrays, and bson's scalar classes. */
export type Encodable = RawValue | string | number | bigint | boolean | null | undefined | object;

/** BSON of one document. Undefined fields are left out; whole numbers become Int32 where they fit. */
export function encodeDocument(fields: Readonly<Record<string, Encodable>>): Buffer {
  return joinFields(Object.entries(fields).flatMap(([name, value]) => encodeField(name, value)));
}

/** A document of the given fields, in this order; names may repeat or look like numbers. */
export function documentOf(fields: Iterable<readonly [string, RawValue]>): RawValue {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) pushRaw(parts, name, value);
  return documentValue(joinFields(parts));
}

/** An array of the given values. */
export function arrayOf(values: readonly RawValue[]): RawValue {
  const parts: Buffer[] = [];
  for (const [index, value] of values.entries()) pushRaw(parts, String(index), value);
  const bytes = joinFields(parts);
  return new RawValue(TYPE.array, bytes, 0, bytes.length);
}

/** A plain value as BSON. Throws bson's error for what BSON cannot hold. */
export function rawOf(value: Encodable): RawValue {
  if (value instanceof RawValue) return value;
  const bytes = Buffer.from(encodeDocument({ v: value ?? null }));
  const type = bytes[4] ?? 0;
  return new RawValue(type, bytes, 7, valueEnd(type, bytes, 7));
}

export const NULL = new RawValue(TYPE.null, Buffer.alloc(0), 0, 0);

function pushRaw(parts: Buffer[], name: string, value: RawValue): void {
  parts.push(fieldHeader(value.type, name), value.bytes.subarray(value.start, value.end));
}

const headers = new Map<string, Buffer>();

/** Type byte and name of a field. The few names that replies repeat (array indexes above all) are kept. */
function fieldHeader(type: number, name: string): Buffer {
  const key = `${type} ${name}`;
  const known = headers.get(key);
  if (known) return known;
  const header = Buffer.from(`\0${name}\0`);
  header[0] = type;
  if (headers.size < 4096 && name.length < 64) headers.set(key, header);
  return header;
}

const SHELL = Buffer.alloc(1);

function joinFields(parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 5);
  const head = Buffer.alloc(4);
  head.writeInt32LE(length);
  return Buffer.concat([head, ...parts, SHELL], length);
}

function encodeField(name: string, value: Encodable): Buffer[] {
  if (value === undefined) return [];
  if (value instanceof RawValue) {
    return [fieldHeader(value.type, name), value.bytes.subarray(value.start, value.end)];
  }
  if (Array.isArray(value)) {
    return [
      fieldHeader(TYPE.array, name),
      joinFields(value.flatMap((item, at) => encodeField(String(at), item))),
    ];
  }
  if (isPlain(value)) {
    const parts = Object.entries(value).flatMap(([key, item]) => encodeField(key, item));
    return [fieldHeader(TYPE.object, name), joinFields(parts)];
  }
  const encoded = BSON.serialize({ [name]: value }, { ignoreUndefined: false });
  return [Buffer.from(encoded.buffer, encoded.byteOffset + 4, encoded.byteLength - 5)];
}

function isPlain(value: unknown): value is Record<string, Encodable> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
