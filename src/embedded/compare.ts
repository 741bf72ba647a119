import type { RawValue } from './raw-bson.ts';
import { valueKey } from './value-key.ts';

/** Order of two values as MongoDB sorts them: negative, 0 or positive. A missing value counts as null. */
export function compareValues(left: RawValue | undefined, right: RawValue | undefined): number {
  return Buffer.compare(valueKey(left), valueKey(right));
}

/** True if type and bytes are the same: nothing a client could tell apart. */
export function identicalValues(left: RawValue, right: RawValue): boolean {
  return (
    left.type === right.type &&
    left.bytes.compare(right.bytes, right.start, right.end, left.start, left.end) === 0
  );
}
