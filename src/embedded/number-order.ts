import { unsupported } from './errors.ts';
import { type RawValue, TYPE } from './raw-bson.ts';

/**
 * Encodes a number of any type so that all numbers sort by value: eight sortable bytes of the double, then a 0. 5 and
 * 5.0 have the same key. As in MongoDB, NaN sorts first and -0 equals 0. For numbers between two doubles, earlier
 * versions wrote a 1 and digits in place of the 0.
 * @throws CommandError 2 for a 64-bit integer that a double cannot represent
 */
export function encodeNumber(value: RawValue): Buffer {
  const number = numberOf(value);
  if (value.type === TYPE.long && BigInt(number) !== value.bytes.readBigInt64LE(value.start)) {
    throw unsupported(
      `Comparing or indexing a 64-bit number that a double cannot represent, near ${number},`,
    );
  }
  return exact(number);
}

/** Encodes a JavaScript number like encodeNumber(), e.g. the end of a range. */
export function exact(double: number): Buffer {
  const key = Buffer.alloc(9);
  if (Number.isNaN(double)) return key;
  key.writeDoubleBE(double === 0 ? 0 : double);
  if ((key[0] ?? 0) & 0x80) for (let at = 0; at < 8; at++) key[at] = ~(key[at] ?? 0);
  else key[0] = (key[0] ?? 0) | 0x80;
  return key;
}

/** Returns the JavaScript number nearest to a BSON number. */
export function numberOf({ type, bytes, start }: RawValue): number {
  if (type === TYPE.int) return bytes.readInt32LE(start);
  if (type === TYPE.long) return Number(bytes.readBigInt64LE(start));
  return bytes.readDoubleLE(start);
}
