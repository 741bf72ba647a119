import { Decimal128 } from 'bson';
import { type RawValue, TYPE } from './raw-bson.ts';

/**
 * Numbers of all four types in one order, as bytes: the largest double not above the number (8 sortable bytes), then
 * 0 if that is the number itself, or 1 and its decimal digits. So 5, 5.0 and Decimal 5 are one key, while 2^53 + 1
 * and 2^53 are two. NaN sorts first and -0 is 0, as in MongoDB.
 */
export function encodeNumber(value: RawValue): Buffer {
  if (value.type === TYPE.int) return exact(value.bytes.readInt32LE(value.start));
  if (value.type === TYPE.double) return exact(value.bytes.readDoubleLE(value.start));
  if (value.type === TYPE.long) return encodeLong(value.bytes.readBigInt64LE(value.start));
  return encodeDecimal(decimalText(value));
}

/** A double's key without regard to its type; used for the ends of number ranges. */
export function exact(double: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  writeSortable(key, double);
  key[8] = 0;
  return key;
}

/** The JavaScript number nearest to a BSON number. */
export function numberOf(value: RawValue): number {
  switch (value.type) {
    case TYPE.int:
      return value.bytes.readInt32LE(value.start);
    case TYPE.double:
      return value.bytes.readDoubleLE(value.start);
    case TYPE.long:
      return Number(value.bytes.readBigInt64LE(value.start));
    default:
      return Number(decimalText(value));
  }
}

/** The text of a Decimal128, such as 1.5E+3, NaN or -Infinity. */
export function decimalText(value: RawValue): string {
  return new Decimal128(value.bytes.subarray(value.start, value.end)).toString();
}

function sortableDouble(double: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  writeSortable(bytes, double);
  return bytes;
}

function writeSortable(bytes: Buffer, double: number): void {
  if (Number.isNaN(double)) {
    bytes.fill(0, 0, 8);
    return;
  }
  bytes.writeDoubleBE(double === 0 ? 0 : double);
  if ((bytes[0] ?? 0) & 0x80) for (let at = 0; at < 8; at++) bytes[at] = ~(bytes[at] ?? 0);
  else bytes[0] = (bytes[0] ?? 0) | 0x80;
}

function encodeLong(long: bigint): Buffer {
  const nearest = Number(long);
  if (BigInt(nearest) === long) return exact(nearest);
  const floor = BigInt(nearest) > long ? below(nearest) : nearest;
  return Buffer.concat([sortableDouble(floor), Buffer.of(1), decimalDigits(long, 0)]);
}

function encodeDecimal(text: string): Buffer {
  if (text === 'NaN') return exact(Number.NaN);
  if (text.endsWith('Infinity')) return exact(text.startsWith('-') ? -Infinity : Infinity);
  const [mantissa = '0', exponentText = '0'] = text.split('E');
  const point = mantissa.indexOf('.');
  const coefficient = BigInt(mantissa.replace('.', ''));
  const exponent = Number(exponentText) - (point < 0 ? 0 : mantissa.length - point - 1);
  const nearest = Number(text);
  const order = compareToDouble(coefficient, exponent, nearest);
  if (order === 0) return exact(nearest);
  const floor = order < 0 ? below(nearest) : nearest;
  return Buffer.concat([sortableDouble(floor), Buffer.of(1), decimalDigits(coefficient, exponent)]);
}

/** Sign of coefficient × 10^exponent − double, computed without rounding. */
function compareToDouble(coefficient: bigint, exponent: number, double: number): number {
  if (double === Infinity) return -1;
  if (double === -Infinity) return 1;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, double);
  const bits = view.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const magnitude = biased === 0 ? fraction : fraction | 0x10000000000000n;
  const power = (biased === 0 ? 1 : biased) - 1075;
  let left = coefficient;
  let right = double < 0 ? -magnitude : magnitude;
  if (exponent >= 0) left *= 10n ** BigInt(exponent);
  else right *= 10n ** BigInt(-exponent);
  if (power >= 0) right <<= BigInt(power);
  else left <<= BigInt(-power);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The next double below. */
function below(double: number): number {
  if (double === Infinity) return Number.MAX_VALUE;
  if (double === -Number.MAX_VALUE) return -Infinity;
  const view = new DataView(new ArrayBuffer(8));
  if (double === 0) return -Number.MIN_VALUE;
  view.setFloat64(0, double);
  const bits = view.getBigInt64(0);
  view.setBigInt64(0, double > 0 ? bits - 1n : bits + 1n);
  return view.getFloat64(0);
}

/** Sortable digits of a number whose sign is known from the double before it: exponent, then digits, then an end. */
function decimalDigits(coefficient: bigint, exponent: number): Buffer {
  const negative = coefficient < 0n;
  const digits = (negative ? -coefficient : coefficient).toString();
  const trimmed = digits.replace(/0+$/, '');
  const scale = exponent + digits.length + 20_000;
  const key = Buffer.alloc(2 + trimmed.length + 1);
  key.writeUInt16BE(scale);
  for (let at = 0; at < trimmed.length; at++) key[2 + at] = trimmed.charCodeAt(at);
  if (negative) for (let at = 0; at < key.length; at++) key[at] = ~(key[at] ?? 0);
  return key;
}
