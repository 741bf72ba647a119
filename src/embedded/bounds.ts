import type { FieldFilter, Filter, GroupFilter, Test } from './filter.ts';
import { afterPrefix, inverted } from './index-keys.ts';
import { numberOf } from './number-order.ts';
import { type RawValue, TYPE, isNumber } from './raw-bson.ts';
import { RANK, rankOf, rankStart, valueKey } from './value-key.ts';

/** The keys k with start ≤ k < end. `point` is true if the interval contains the key of only one value. */
export interface Interval {
  readonly start: Buffer;
  readonly end: Buffer;
  readonly point: boolean;
}

/** The constraints of a filter on one field of an index. */
export interface FieldBounds {
  /** Intervals of keys, ascending and disjoint. */
  readonly intervals: readonly Interval[];
  /** Conditions that need no test of their own: every value with a key in the intervals meets them. */
  readonly covered: readonly FieldFilter[];
}

/** Flattens nested $and groups into the conditions that every matching document meets. */
export function conjuncts(filter: GroupFilter): readonly Filter[] {
  return filter.filters.flatMap((inner) => (inner.kind === '$and' ? conjuncts(inner) : [inner]));
}

/** Returns intervals that contain the field's key of every matching document; undefined if no condition limits it. */
export function boundsFor(conditions: readonly Filter[], name: string): FieldBounds | undefined {
  let intervals: readonly Interval[] | undefined;
  const covered: FieldFilter[] = [];
  for (const condition of conditions) {
    if (condition.kind !== 'field' || condition.field.text !== name) continue;
    const own = intervalsOf(condition.test);
    if (!own) continue;
    intervals = intervals ? intersect(intervals, own) : own;
    covered.push(condition);
  }
  return intervals && { intervals, covered };
}

/** Converts intervals of keys to intervals of inverted keys, for a descending field. Both lists are ascending. */
export function descending(intervals: readonly Interval[]): Interval[] {
  return intervals
    .map(({ start, end, point }) =>
      point
        ? pointInterval(inverted(start))
        : { start: afterPrefix(inverted(end)), end: afterPrefix(inverted(start)), point },
    )
    .toReversed();
}

function intervalsOf(test: Test): readonly Interval[] | undefined {
  switch (test.operator) {
    case '$eq':
      return isIndexable(test.value) ? [pointInterval(valueKey(test.value))] : undefined;
    case '$in':
      return test.values.every(isIndexable) ? pointsOf(test.values) : undefined;
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return rangeOf(test.operator, test.value);
    default:
      return undefined;
  }
}

/** Returns false for an array: indexes contain no arrays. */
function isIndexable(value: RawValue): boolean {
  return value.type !== TYPE.array;
}

function pointInterval(key: Buffer): Interval {
  return { start: key, end: afterPrefix(key), point: true };
}

function pointsOf(values: readonly RawValue[]): Interval[] {
  const keys = values.map(valueKey).toSorted(Buffer.compare);
  return keys.filter((key, at) => at === 0 || !keys[at - 1]?.equals(key)).map(pointInterval);
}

function rangeOf(
  operator: '$gt' | '$gte' | '$lt' | '$lte',
  value: RawValue,
): readonly Interval[] | undefined {
  const rank = rankOf(value);
  if (!isIndexable(value)) return undefined;
  if (isNumber(value) && Number.isNaN(numberOf(value))) return undefined;
  const key = valueKey(value);
  if (rank === RANK.null) return operator === '$gte' || operator === '$lte' ? [pointInterval(key)] : [];
  const first = rankStart(rank);
  const last = Buffer.of(rank + 1);
  switch (operator) {
    case '$gt':
      return [{ start: afterPrefix(key), end: last, point: false }];
    case '$gte':
      return [{ start: key, end: last, point: false }];
    case '$lt':
      return [{ start: first, end: key, point: false }];
    case '$lte':
      return [{ start: first, end: afterPrefix(key), point: false }];
  }
}

function intersect(left: readonly Interval[], right: readonly Interval[]): Interval[] {
  const result: Interval[] = [];
  let other = 0;
  for (const interval of left) {
    while (other > 0 && after(right[other - 1]?.end, interval.start)) other -= 1;
    for (; other < right.length; other++) {
      const candidate = right[other];
      if (!candidate || !after(interval.end, candidate.start)) break;
      const start = after(candidate.start, interval.start) ? candidate.start : interval.start;
      const end = after(interval.end, candidate.end) ? candidate.end : interval.end;
      if (after(end, start)) result.push({ start, end, point: interval.point || candidate.point });
    }
  }
  return result;
}

/** Whether a > b; false if `a` is undefined. */
function after(a: Buffer | undefined, b: Buffer): boolean {
  return a !== undefined && Buffer.compare(a, b) > 0;
}
