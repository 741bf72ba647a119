import { Decimal128, Double, Int32, Long } from 'bson';
import { rawOf } from './bson-writer.ts';
import { badValue } from './errors.ts';
import { decimalText, numberOf } from './number-order.ts';
import { type RawValue, TYPE } from './raw-bson.ts';

export type Operation = 'add' | 'multiply';

const INT_MIN = -(2n ** 31n);
const INT_MAX = 2n ** 31n - 1n;
const LONG_MIN = -(2n ** 63n);
const LONG_MAX = 2n ** 63n - 1n;
/** Significant digits of a Decimal128. */
const DECIMAL_DIGITS = 34;

/**
 * Sum or product with MongoDB's types: the wider of the two, Int32 growing into Long.
 * @throws CommandError 2 if a Long overflows
 */
export function calculate(left: RawValue, right: RawValue, operation: Operation): RawValue {
  const types = new Set([left.type, right.type]);
  if (types.has(TYPE.decimal)) return decimalResult(left, right, operation);
  if (types.has(TYPE.double)) {
    const [a, b] = [numberOf(left), numberOf(right)];
    return rawOf(new Double(operation === 'add' ? a + b : a * b));
  }
  const [a, b] = [integerOf(left), integerOf(right)];
  const result = operation === 'add' ? a + b : a * b;
  if (!types.has(TYPE.long) && result >= INT_MIN && result <= INT_MAX)
    return rawOf(new Int32(Number(result)));
  if (result < LONG_MIN || result > LONG_MAX) {
    throw badValue('Failed to apply the update: the result does not fit a 64-bit integer');
  }
  return rawOf(Long.fromBigInt(result));
}

/** A zero of the number's own type: what $mul makes of a missing field. */
export function zeroLike(value: RawValue): RawValue {
  if (value.type === TYPE.decimal) return rawOf(Decimal128.fromString('0'));
  if (value.type === TYPE.double) return rawOf(new Double(0));
  return rawOf(value.type === TYPE.long ? Long.ZERO : new Int32(0));
}

function integerOf(value: RawValue): bigint {
  return value.type === TYPE.int
    ? BigInt(value.bytes.readInt32LE(value.start))
    : value.bytes.readBigInt64LE(value.start);
}

interface Decimal {
  readonly coefficient: bigint;
  readonly exponent: number;
}

function decimalResult(left: RawValue, right: RawValue, operation: Operation): RawValue {
  const [a, b] = [decimalOf(left), decimalOf(right)];
  if (!a || !b) {
    const [x, y] = [numberOf(left), numberOf(right)];
    return rawOf(Decimal128.fromString(String(operation === 'add' ? x + y : x * y)));
  }
  if (operation === 'multiply') {
    return rounded({ coefficient: a.coefficient * b.coefficient, exponent: a.exponent + b.exponent });
  }
  const exponent = Math.min(a.exponent, b.exponent);
  const scaled = (value: Decimal): bigint => value.coefficient * 10n ** BigInt(value.exponent - exponent);
  return rounded({ coefficient: scaled(a) + scaled(b), exponent });
}

/** Undefined for NaN and the infinities. */
function decimalOf(value: RawValue): Decimal | undefined {
  const text = value.type === TYPE.decimal ? decimalText(value) : textOfNumber(value);
  const match = /^(-?\d*)\.?(\d*)(?:E([+-]?\d+))?$/i.exec(text);
  if (!match) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  return { coefficient: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

/** A double enters decimal arithmetic with 15 digits, as in MongoDB, so that 0.1 means 0.1. */
function textOfNumber(value: RawValue): string {
  if (value.type !== TYPE.double) return integerOf(value).toString();
  const number = numberOf(value);
  return Number.isFinite(number) ? Number(number.toPrecision(15)).toExponential() : String(number);
}

function rounded({ coefficient, exponent }: Decimal): RawValue {
  const sign = coefficient < 0n ? -1n : 1n;
  const digits = (coefficient * sign).toString();
  const surplus = digits.length - DECIMAL_DIGITS;
  if (surplus <= 0) return rawOf(Decimal128.fromString(`${coefficient}E${exponent}`));
  const unit = 10n ** BigInt(surplus);
  const [quotient, rest] = [(coefficient * sign) / unit, (coefficient * sign) % unit];
  const up = rest * 2n > unit || (rest * 2n === unit && quotient % 2n === 1n);
  return rawOf(Decimal128.fromString(`${sign * (up ? quotient + 1n : quotient)}E${exponent + surplus}`));
}
