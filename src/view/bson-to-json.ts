import { isUtf8 } from 'node:buffer';
import { deserialize } from 'bson';
import { type JsonOutput, newOutput } from './output.ts';

/**
 * The fields of a stored document to output, each with its name in the API. `only` selects fields of a nested document,
 * `each` those of every document in an array.
 */
export interface ShownFields {
  readonly [stored: string]:
    | string
    | { readonly name: string; readonly each: ShownFields }
    | { readonly name: string; readonly only: ShownFields };
}

/** A field to output, prepared for comparison and copying. */
interface Field {
  stored: Buffer;
  /** The field's name in the API as JSON text, with the colon. */
  label: Buffer;
  each?: FieldTable;
  only?: FieldTable;
}

/** Fields by the length and first byte of their stored names, which distinguish most of them. */
export type FieldTable = (Field[] | undefined)[];

/**
 * Maximum length by which a FieldTable distinguishes field names. It treats all longer names as names of this length;
 * no field to output has a name that long.
 */
const LONGEST_NAME = 255;

/**
 * Converts the fields to output to a table for lookups by stored name. Call it once per kind of document, not per
 * document.
 */
export function fieldTable(fields: ShownFields): FieldTable {
  const table: FieldTable = [];
  for (const [storedName, shown] of Object.entries(fields)) {
    const stored = Buffer.from(storedName);
    const name = typeof shown === 'string' ? shown : shown.name;
    const slot = slotOf(stored.length, stored.readUInt8(0));
    const label = Buffer.from(`${JSON.stringify(name)}:`);
    const field: Field = { stored, label };
    if (typeof shown !== 'string') {
      if ('each' in shown) field.each = fieldTable(shown.each);
      else field.only = fieldTable(shown.only);
    }
    (table[slot] ??= []).push(field);
  }
  return table;
}

const slotOf = (length: number, first: number): number => (Math.min(length, LONGEST_NAME) << 8) | first;

function fieldAt(table: FieldTable, bytes: Buffer, start: number, end: number): Field | undefined {
  const candidates = table[slotOf(end - start, bytes[start] ?? 0)];
  if (candidates === undefined) return undefined;
  for (const field of candidates) if (isAt(field.stored, bytes, start)) return field;
  return undefined;
}

/**
 * Whether the bytes at `start` begin with this name. Names are short, so a loop is faster than Buffer.compare, which
 * leaves JavaScript.
 */
function isAt(name: Buffer, bytes: Buffer, start: number): boolean {
  for (let at = 0; at < name.length; at++) if (name[at] !== bytes[start + at]) return false;
  return true;
}

/** BSON's types (https://bsonspec.org/spec.html) that have a JSON equivalent, or a conventional form in JSON. */
const TYPE = {
  double: 1,
  string: 2,
  object: 3,
  array: 4,
  boolean: 8,
  date: 9,
  null: 10,
  int32: 16,
  int64: 18,
};

/** Returns the position of the NUL that ends the name. */
function endOfName(bytes: Buffer, start: number): number {
  for (let at = start; at < bytes.length; at++) if (bytes[at] === 0) return at;
  throw new TypeError('The stored document is damaged: a field name does not end with a NUL byte.');
}

const HIGH_WORD = 4_294_967_296;

/** Reads a 64-bit integer as the nearest number. */
const int64At = (bytes: Buffer, at: number): number =>
  bytes.readInt32LE(at + 4) * HIGH_WORD + bytes.readUInt32LE(at);

/** Writes one BSON document as JSON text. */
class Transcoder {
  readonly #bytes: Buffer;
  readonly #out: JsonOutput;

  constructor(bytes: Buffer, out: JsonOutput) {
    this.#bytes = bytes;
    this.#out = out;
  }

  /** Writes the selected fields of the document at `start`. */
  shown(start: number, table: FieldTable): void {
    const bytes = this.#bytes;
    const out = this.#out;
    out.byte(0x7b);
    let isFirst = true;
    for (let at = start + 4; bytes[at] !== 0;) {
      const nameEnd = endOfName(bytes, at + 1);
      const field = fieldAt(table, bytes, at + 1, nameEnd);
      if (field === undefined) at = this.#skip(at, nameEnd + 1);
      else {
        if (!isFirst) out.byte(0x2c);
        isFirst = false;
        out.raw(field.label);
        if (field.each) at = this.#shownEach(at, nameEnd + 1, field.each);
        else if (field.only) at = this.#shownOnly(at, nameEnd + 1, field.only);
        else at = this.#value(at, nameEnd + 1);
      }
    }
    out.byte(0x7d);
  }

  /** Writes all fields of the document at `start`. Returns the position after it. */
  #object(start: number): number {
    const bytes = this.#bytes;
    const out = this.#out;
    out.byte(0x7b);
    let at = start + 4;
    for (let isFirst = true; bytes[at] !== 0; isFirst = false) {
      if (!isFirst) out.byte(0x2c);
      const nameEnd = endOfName(bytes, at + 1);
      out.text(bytes, at + 1, nameEnd);
      out.byte(0x3a);
      at = this.#value(at, nameEnd + 1);
    }
    out.byte(0x7d);
    return at + 1;
  }

  #array(start: number, each?: FieldTable): number {
    const bytes = this.#bytes;
    const out = this.#out;
    out.byte(0x5b);
    let at = start + 4;
    for (let isFirst = true; bytes[at] !== 0; isFirst = false) {
      if (!isFirst) out.byte(0x2c);
      const value = endOfName(bytes, at + 1) + 1;
      if (each === undefined) at = this.#value(at, value);
      else at = this.#shownOnly(at, value, each);
    }
    out.byte(0x5d);
    return at + 1;
  }

  /**
   * Writes the selected fields of a nested document. Writes null if another tool stored a value that is not a document.
   */
  #shownOnly(element: number, at: number, only: FieldTable): number {
    if (this.#bytes[element] === TYPE.object) this.shown(at, only);
    else this.#out.literal('null');
    return this.#skip(element, at);
  }

  /**
   * Writes the selected fields of each document in an array. Writes null if another tool stored a value that is not an
   * array.
   */
  #shownEach(element: number, at: number, each: FieldTable): number {
    if (this.#bytes[element] === TYPE.array) return this.#array(at, each);
    this.#out.literal('null');
    return this.#skip(element, at);
  }

  /** Writes the value at `at`, whose type is at `element`. Returns the position after the value. */
  #value(element: number, at: number): number {
    const bytes = this.#bytes;
    const out = this.#out;
    switch (bytes[element]) {
      case TYPE.string: {
        const end = at + 4 + bytes.readInt32LE(at);
        out.text(bytes, at + 4, end - 1);
        return end;
      }
      case TYPE.object:
        return this.#object(at);
      case TYPE.array:
        return this.#array(at);
      case TYPE.double:
        out.number(bytes.readDoubleLE(at));
        return at + 8;
      case TYPE.int32:
        out.number(bytes.readInt32LE(at));
        return at + 4;
      case TYPE.int64:
        out.literal(String(bytes.readBigInt64LE(at)));
        return at + 8;
      case TYPE.date:
        out.instant(int64At(bytes, at));
        return at + 8;
      case TYPE.boolean:
        out.literal(bytes[at] === 1 ? 'true' : 'false');
        return at + 1;
      case TYPE.null:
        out.literal('null');
        return at;
      default: {
        const end = this.#skip(element, at);
        out.literal(this.#otherType(element, at, end));
        return end;
      }
    }
  }

  /**
   * Returns a value whose type has no JSON equivalent as JSON.stringify writes the driver's object, e.g. an ObjectId as
   * hex.
   */
  #otherType(element: number, at: number, end: number): string {
    const value = this.#bytes.subarray(at, end);
    const document = Buffer.alloc(4 + 2 + value.length + 1);
    document.writeInt32LE(document.length);
    document.writeUInt8(this.#bytes.readUInt8(element), 4);
    value.copy(document, 6);
    return JSON.stringify(deserialize(document, { bsonRegExp: true })['']) ?? 'null';
  }

  /** Returns the position after the value at `at`, whose type is at `element`. */
  #skip(element: number, at: number): number {
    const bytes = this.#bytes;
    const type = bytes[element];
    switch (type) {
      case TYPE.double:
      case TYPE.date:
      case TYPE.int64:
      case 17: // timestamp
        return at + 8;
      case TYPE.string:
      case 13: // code
      case 14: // symbol
        return at + 4 + bytes.readInt32LE(at);
      case TYPE.object:
      case TYPE.array:
      case 15: // code with scope
        return at + bytes.readInt32LE(at);
      case 5: // binary
        return at + 5 + bytes.readInt32LE(at);
      case 6: // undefined
      case TYPE.null:
      case 127: // MaxKey
      case 255: // MinKey
        return at;
      case 7: // ObjectId
        return at + 12;
      case TYPE.boolean:
        return at + 1;
      case 11: // regular expression: two names
        return endOfName(bytes, endOfName(bytes, at) + 1) + 1;
      case 12: // DBPointer
        return at + 4 + bytes.readInt32LE(at) + 12;
      case TYPE.int32:
        return at + 4;
      case 19: // Decimal128
        return at + 16;
      default:
        throw new TypeError(
          `The stored document is damaged: an element has the type ${String(type)}, which BSON does not define.`,
        );
    }
  }
}

/**
 * Converts the selected fields of a stored document to JSON in UTF-8, in stored order. Dates become RFC 3339 in UTC,
 * 64-bit integers keep all digits, and doubles beyond 2^53 get an exponent. All other values become what JSON.stringify
 * makes of the driver's objects. Works on the document's bytes: creating objects first costs several times as much and
 * would dominate the cost of a listing.
 */
export function bsonToJson(document: Uint8Array, table: FieldTable): Buffer {
  const bytes = Buffer.from(document.buffer, document.byteOffset, document.byteLength);
  const out = newOutput(bytes.length);
  new Transcoder(bytes, out).shown(0, table);
  const json = out.end();
  // Another tool may have stored invalid UTF-8; replies must be valid.
  return isUtf8(json) ? json : Buffer.from(json.toString());
}
