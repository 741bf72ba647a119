import { encodeNumber, exact } from './number-order.ts';
import { type RawValue, TYPE, fieldsOf, valuesOf } from './raw-bson.ts';
import { type CommandError, unsupported } from './errors.ts';

/**
 * The position of each BSON type in MongoDB's comparison order; the first byte of every key. Types without a position
 * can be stored, but neither compared nor indexed. Earlier versions gave them the numbers that are unused here.
 */
export const RANK = {
  null: 3,
  number: 4,
  string: 5,
  object: 6,
  array: 7,
  binary: 8,
  objectId: 9,
  bool: 10,
  date: 11,
} as const;

const RANKS: Readonly<Record<number, number>> = {
  [TYPE.undefined]: RANK.null,
  [TYPE.null]: RANK.null,
  [TYPE.double]: RANK.number,
  [TYPE.int]: RANK.number,
  [TYPE.long]: RANK.number,
  [TYPE.string]: RANK.string,
  [TYPE.object]: RANK.object,
  [TYPE.array]: RANK.array,
  [TYPE.binary]: RANK.binary,
  [TYPE.objectId]: RANK.objectId,
  [TYPE.bool]: RANK.bool,
  [TYPE.date]: RANK.date,
};

/**
 * Returns the comparison rank of a value. A missing value ranks as null.
 * @throws CommandError 2 for a type without a rank
 */
export function rankOf(value: RawValue | undefined): number {
  if (!value) return RANK.null;
  const rank = RANKS[value.type];
  if (rank === undefined) throw notCompared(value.type);
  return rank;
}

function notCompared(type: number): CommandError {
  const [name] = Object.entries(TYPE).find(([, known]) => known === type) ?? [type];
  return unsupported(`Comparing or indexing a value of the BSON type ${name}`);
}

/** Compares two values in MongoDB's sort order. A missing value counts as null. */
export function compareValues(left: RawValue | undefined, right: RawValue | undefined): number {
  return Buffer.compare(valueKey(left), valueKey(right));
}

/**
 * Encodes a value as bytes that sort in MongoDB's order and are equal exactly when MongoDB considers the values equal.
 * No key is a prefix of another, so keys can be joined, and inverted for descending fields.
 */
export function valueKey(value: RawValue | undefined): Buffer {
  if (value?.type === TYPE.string) return textKey(value);
  if (value?.type === TYPE.date) return dateKey(value);
  const parts: Buffer[] = [];
  pushKey(parts, value);
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}

/** Returns the smallest key of a rank. For numbers, this is the key of -Infinity, because no range contains NaN. */
export function rankStart(rank: number): Buffer {
  return rank === RANK.number ? Buffer.concat([Buffer.of(rank), exact(-Infinity)]) : Buffer.of(rank);
}

function pushKey(parts: Buffer[], value: RawValue | undefined): void {
  const rank = rankOf(value);
  parts.push(Buffer.of(rank));
  if (!value) return;
  const { bytes, start, end } = value;
  switch (rank) {
    case RANK.number:
      parts.push(encodeNumber(value));
      break;
    case RANK.string:
      parts.push(...escaped(bytes.subarray(start + 4, end - 1)));
      break;
    case RANK.object:
    case RANK.array:
      pushFields(parts, value);
      break;
    case RANK.binary:
      parts.push(bigEndian32(bytes.readInt32LE(start)), bytes.subarray(start + 4, end));
      break;
    case RANK.date:
      parts.push(dateKey(value).subarray(1));
      break;
    default:
      parts.push(bytes.subarray(start, end));
  }
}

/** Objects compare field by field: rank, name, value. Arrays compare the same way, without names. */
function pushFields(parts: Buffer[], value: RawValue): void {
  if (value.type === TYPE.array) {
    for (const item of valuesOf(value)) pushKey(parts, item);
  } else {
    for (const [name, field] of fieldsOf(value)) {
      parts.push(Buffer.of(rankOf(field)), Buffer.from(`${name}\0`));
      pushKey(parts, field);
    }
  }
  parts.push(END);
}

const END = Buffer.of(0);
const ZERO = 0;
const ESCAPE = Buffer.of(0, 255);
const TEXT_END = Buffer.of(0, 0);

/** Escapes a string: 0 becomes 0 255, and 0 0 marks the end, so that a string sorts before its own continuations. */
function escaped(text: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = text.indexOf(ZERO); at >= 0; at = text.indexOf(ZERO, from)) {
    parts.push(text.subarray(from, at), ESCAPE);
    from = at + 1;
  }
  parts.push(text.subarray(from), TEXT_END);
  return parts;
}

function bigEndian32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Encodes a date: the rank, then the milliseconds in big-endian order with the sign bit inverted. */
function dateKey({ bytes, start }: RawValue): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = RANK.date;
  for (let at = 0; at < 8; at++) key[8 - at] = bytes[start + at] ?? 0;
  key[1] = (key[1] ?? 0) ^ 0x80;
  return key;
}

/** Encodes a string. The common case, a string without NUL, needs only one allocation. */
function textKey({ bytes, start, end }: RawValue): Buffer {
  const text = bytes.subarray(start + 4, end - 1);
  if (text.includes(ZERO)) return Buffer.concat([Buffer.of(RANK.string), ...escaped(text)]);
  const key = Buffer.allocUnsafe(text.length + 3);
  key[0] = RANK.string;
  text.copy(key, 1);
  key[text.length + 1] = 0;
  key[text.length + 2] = 0;
  return key;
}
