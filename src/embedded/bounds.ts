import type { FieldFilter, Filter, GroupFilter } from './query-tree.ts';
import type { Test } from './query-tree.ts';
import { afterPrefix, inverted } from './index-keys.ts';
import { numberOf } from './number-order.ts';
import { type RawValue, TYPE, isNumber } from './raw-bson.ts';
import { RANK, rankOf, rankStart, valueKey } from './value-key.ts';

/** Keys k with start ≤ k < end; `point` if only one value can lie in it. */
export interface Interval {
  readonly start: Buffer;
  readonly end: Buffer;
  readonly point: boolean;
}

/** What a filter says about one field of an index. */
export interface FieldBounds {
  /** Ascending and disjoint. */
  readonly intervals: readonly Interval[];
  /** The conditions that these intervals express completely. */
  readonly covered: readonly FieldFilter[];
}

/** The conditions that all matching documents meet, one by one. */
export function conjuncts(filter: GroupFilter): readonly Filter[] {
  return filter.filters.flatMap((inner) => (inner.kind === '$and' ? conjuncts(inner) : [inner]));
}

/**
 * The intervals in which matching documents have their key for a path, or undefined if the filter does not say.
 * On an array field each condition may be met by another element, so only the narrowest one is used there.
 */
export function boundsFor(
  conditions: readonly Filter[],
  path: string,
  multikey: boolean,
): FieldBounds | undefined {
  let intervals: readonly Interval[] | undefined;
  let covered: FieldFilter[] = [];
  for (const condition of conditions) {
    if (condition.kind !== 'field' || condition.path.text !== path) continue;
    const own = intervalsOf(condition.test);
    if (!own) continue;
    if (!intervals) {
      intervals = own;
      covered = [condition];
    } else if (!multikey) {
      intervals = intersect(intervals, own);
      covered.push(condition);
    } else if (isNarrower(own, intervals)) {
      intervals = own;
      covered = [condition];
    }
  }
  return intervals && { intervals, covered: multikey ? [] : covered };
}

/** The same bounds for a field stored in descending order, again ascending. */
export function descending(intervals: readonly Interval[]): Interval[] {
  return intervals
    .map(({ start, end, point }) =>
      point
        ? pointInterval(inverted(start))
        : { start: afterPrefix(inverted(end)), end: afterPrefix(inverted(start)), point },
    )
    .toReversed();
}

function isNarrower(a: readonly Interval[], b: readonly Interval[]): boolean {
  const points = (list: readonly Interval[]): boolean => list.every(({ point }) => point);
  if (points(a) !== points(b)) return points(a);
  return points(a) && a.length < b.length;
}

function intervalsOf(test: Test): readonly Interval[] | undefined {
  switch (test.operator) {
    case '$eq':
      return isIndexable(test.value) ? [pointInterval(valueKey(test.value))] : undefined;
    case '$in':
      if (test.patterns.length > 0 || !test.values.every(isIndexable)) return undefined;
      return pointsOf(test.values);
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return rangeOf(test.operator, test.value);
    default:
      return undefined;
  }
}

/** An array is indexed by its elements, so equality with a whole array says nothing about the key. */
function isIndexable(value: RawValue): boolean {
  return value.type !== TYPE.array && value.type !== TYPE.undefined;
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
  if (!isIndexable(value) || rank === RANK.minKey || rank === RANK.maxKey) return undefined;
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

/** a > b */
function after(a: Buffer | undefined, b: Buffer): boolean {
  return a !== undefined && Buffer.compare(a, b) > 0;
}
