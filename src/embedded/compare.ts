import { type RawValue, TYPE } from './raw-bson.ts';
import { rankOf, valueKey } from './value-key.ts';

/** Order of two values as MongoDB sorts them: negative, 0 or positive. A missing value counts as null. */
export function compareValues(left: RawValue | undefined, right: RawValue | undefined): number {
  const ranks = rankOf(left) - rankOf(right);
  if (ranks !== 0 || !left || !right) return ranks;
  if (left.type === right.type) {
    const quick = compareSameType(left, right);
    if (quick !== undefined) return quick;
  }
  return Buffer.compare(valueKey(left), valueKey(right));
}

/** True if MongoDB calls the values equal: 5 and 5.0 are, objects only with the same fields in the same order. */
export function equalValues(left: RawValue | undefined, right: RawValue | undefined): boolean {
  return compareValues(left, right) === 0;
}

/** True if type and bytes are the same: nothing a client could tell apart. */
export function identicalValues(left: RawValue, right: RawValue): boolean {
  return (
    left.type === right.type &&
    left.bytes.compare(right.bytes, right.start, right.end, left.start, left.end) === 0
  );
}

function compareSameType(left: RawValue, right: RawValue): number | undefined {
  const a = left.bytes;
  const b = right.bytes;
  switch (left.type) {
    case TYPE.string:
      return a.compare(b, right.start + 4, right.end - 1, left.start + 4, left.end - 1);
    case TYPE.int:
      return a.readInt32LE(left.start) - b.readInt32LE(right.start);
    case TYPE.date: {
      const difference = a.readBigInt64LE(left.start) - b.readBigInt64LE(right.start);
      return difference < 0n ? -1 : difference > 0n ? 1 : 0;
    }
    case TYPE.objectId:
    case TYPE.bool:
      return a.compare(b, right.start, right.end, left.start, left.end);
    default:
      return undefined;
  }
}
