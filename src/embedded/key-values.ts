import { TYPE } from './raw-bson.ts';
import { RANK } from './value-key.ts';

/** The BSON type of a field's numbers, because keys omit it; 0 if the field has no numbers, MIXED for several types. */
export type NumberType = number;
/** Marks a field with several number types or, in earlier versions, with symbols: their keys look like strings. */
export const MIXED = -1;

/** A value's BSON is longer than its key by at most this many bytes. */
export const GROWTH_BYTES = 4;

/** XOR mask for the key of a field: 255 if the field is descending, which inverts its bytes; otherwise 0. */
export type Flip = 0 | 255;

/** Returns the offset after the encoded value at `start`, or -1 if values of its type cannot be decoded. */
export function keyEnd(key: Buffer, start: number, flip: Flip): number {
  switch (rankAt(key, start, flip)) {
    case RANK.null:
      return start + 1;
    case RANK.bool:
      return start + 2;
    case RANK.date:
      return start + 9;
    case RANK.number:
      // For a number between two doubles, keys of earlier versions have a 1 here, and digits follow.
      return ((key[start + 9] ?? 0) ^ flip) === 0 ? start + 10 : -1;
    case RANK.string:
      return textEnd(key, start + 1, flip);
    default:
      return -1;
  }
}

/** Returns the BSON type of an encoded value; -1 if it cannot be decoded. Null may stand for a missing field. */
export function typeOf(key: Buffer, start: number, flip: Flip, numbers: NumberType): number {
  switch (rankAt(key, start, flip)) {
    case RANK.null:
      return TYPE.null;
    case RANK.bool:
      return TYPE.bool;
    case RANK.date:
      return TYPE.date;
    case RANK.string:
      return numbers === MIXED ? -1 : TYPE.string;
    case RANK.number:
      return numbers === TYPE.int ? TYPE.int : -1;
    default:
      return -1;
  }
}

/** Decodes the value in `key` from `start` to `end` and writes it to `target` as BSON. Returns its end in `target`. */
export function writeValue(
  target: Buffer,
  at: number,
  type: number,
  key: Buffer,
  start: number,
  end: number,
  flip: Flip,
): number {
  switch (type) {
    case TYPE.null:
      return at;
    case TYPE.string:
      return writeText(target, at, key, start + 1, end - 2, flip);
    case TYPE.date:
      for (let byte = 0; byte < 8; byte++) target[at + byte] = (key[start + 8 - byte] ?? 0) ^ flip;
      target[at + 7] = (target[at + 7] ?? 0) ^ 0x80;
      return at + 8;
    case TYPE.int:
      return target.writeInt32LE(doubleAt(key, start, flip), at);
    default:
      for (let from = start + 1; from < end; from++) target[at + from - start - 1] = (key[from] ?? 0) ^ flip;
      return at + end - start - 1;
  }
}

function rankAt(key: Buffer, start: number, flip: Flip): number {
  return (key[start] ?? 0) ^ flip;
}

const scratch = Buffer.alloc(8);

/** Undoes the encoding of number-order.ts: all bits of a negative double are inverted; others have the highest bit set. */
function doubleAt(key: Buffer, start: number, flip: Flip): number {
  const isNegative = (((key[start + 1] ?? 0) ^ flip) & 0x80) === 0;
  const mask = isNegative ? flip ^ 255 : flip;
  for (let byte = 0; byte < 8; byte++) scratch[byte] = (key[start + 1 + byte] ?? 0) ^ mask;
  if (!isNegative) scratch[0] = (scratch[0] ?? 0) & 0x7f;
  return scratch.readDoubleBE(0);
}

/** Returns the offset after an encoded string, which ends with 0 0. A 0 inside the string is encoded as 0 255. */
function textEnd(key: Buffer, from: number, flip: Flip): number {
  for (let at = from; at + 1 < key.length; at++) {
    if (key[at] !== flip) continue;
    if (key[at + 1] === flip) return at + 2;
    at += 1;
  }
  return -1;
}

function writeText(target: Buffer, at: number, key: Buffer, from: number, to: number, flip: Flip): number {
  let end = at + 4;
  for (let byte = from; byte < to; byte++) {
    target[end] = (key[byte] ?? 0) ^ flip;
    end += 1;
    if (key[byte] === flip) byte += 1;
  }
  target[end] = 0;
  target.writeInt32LE(end - at - 3, at);
  return end + 1;
}
