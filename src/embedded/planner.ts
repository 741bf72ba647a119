import { type FieldBounds, type Interval, boundsFor, conjuncts, descending } from './bounds.ts';
import type { Collection, IndexInfo } from './catalog.ts';
import type { Filter, GroupFilter } from './filter.ts';
import { type KeyPart, LONG_KEY_BYTES, afterPrefix } from './index-keys.ts';
import { ownerPrefix } from './store-keys.ts';

/** A range of keys: start ≤ key < end. */
export interface KeyRange {
  readonly start: Buffer;
  readonly end: Buffer;
}

/** How a query finds its documents: by scanning the collection or ranges of an index. */
export type Plan = CollectionPlan | IndexPlan;

export interface CollectionPlan {
  readonly kind: 'collection';
  /** False if the documents must be sorted afterward. */
  readonly sorted: boolean;
}

export interface IndexPlan {
  readonly kind: 'index';
  readonly index: IndexInfo;
  /** Ranges to read, ascending and disjoint. Read from last to first if `reverse`. */
  readonly ranges: readonly KeyRange[];
  readonly reverse: boolean;
  readonly sorted: boolean;
  /** Whether the ranges contain only matching documents, so that the filter need not be applied again. */
  readonly exact: boolean;
}

export interface PlanRequest {
  readonly filter: GroupFilter;
  readonly sort: readonly KeyPart[];
  /** Maximum number of documents; 0 means no limit. */
  readonly limit: number;
}

/** Maximum number of key ranges that $in lists on several fields may combine into. */
const MAX_RANGES = 20_000;
/** Added to the score if the filter gives single values for all fields of a unique index: no plan reads fewer keys. */
const LOOK_UP_SCORE = 100;

/**
 * Chooses the index with the highest score, or a scan of the collection if no index helps. An index scores for single
 * values of its first fields (most), the sort order of a query with a limit, a range, any other sort order (least).
 */
export function makePlan(collection: Collection, request: PlanRequest): Plan {
  const conditions = conjuncts(request.filter);
  let best: { plan: IndexPlan; score: number } | undefined;
  for (const index of collection.indexes) {
    if (!index.ready) continue;
    const candidate = planIndex(index, conditions, request);
    if (!best || candidate.score > best.score) best = candidate;
    if (best.score >= LOOK_UP_SCORE) break;
  }
  if (best && best.score > 0) return best.plan;
  return { kind: 'collection', sorted: request.sort.length === 0 };
}

function planIndex(
  index: IndexInfo,
  conditions: readonly Filter[],
  request: PlanRequest,
): { plan: IndexPlan; score: number } {
  const bounds = usableBounds(index, conditions);
  const order = orderFrom(index, bounds, request.sort);
  const { ranges, whole } = rangesOf(index, bounds);
  const covered = new Set(bounds.flatMap((field) => field?.covered ?? []));
  const exact =
    whole && conditions.every((condition) => condition.kind === 'field' && covered.has(condition));
  const points = bounds.filter(isPoints).length;
  const score =
    points * 10 +
    (bounds.length > points ? 5 : 0) +
    (request.sort.length > 0 && order !== undefined ? (request.limit > 0 ? 8 : 4) : 0) +
    (index.unique && points === index.parts.length ? LOOK_UP_SCORE : 0);
  const plan: IndexPlan = {
    kind: 'index',
    index,
    ranges,
    reverse: order === -1,
    sorted: request.sort.length === 0 || order !== undefined,
    exact,
  };
  return { plan, score };
}

function isPoints(bounds: FieldBounds): boolean {
  return bounds.intervals.every(({ point }) => point);
}

/** Returns bounds for the leading fields of the index: exact values ($eq, $in), then a range for at most one field. */
function usableBounds(index: IndexInfo, conditions: readonly Filter[]): FieldBounds[] {
  const result: FieldBounds[] = [];
  let ranges = 1;
  for (const { field } of index.parts) {
    const bounds = boundsFor(conditions, field.text);
    if (!bounds) break;
    ranges *= Math.max(1, bounds.intervals.length);
    if (ranges > MAX_RANGES && result.length > 0) break;
    result.push(bounds);
    if (!isPoints(bounds)) break;
  }
  return result;
}

function rangesOf(index: IndexInfo, bounds: readonly FieldBounds[]): { ranges: KeyRange[]; whole: boolean } {
  let prefixes: KeyRange[] = [pointRange(Buffer.alloc(0))];
  for (const [field, { intervals }] of bounds.entries()) {
    const ordered = index.parts[field]?.direction === -1 ? descending(intervals) : intervals;
    prefixes = prefixes.flatMap(({ start }) => ordered.map((interval) => rangeAfter(start, interval)));
  }
  const owner = ownerPrefix(index.id);
  const whole = prefixes.every(({ start, end }) => Math.max(start.length, end.length) <= LONG_KEY_BYTES);
  const ranges = prefixes.map(({ start, end }) => ({
    start: Buffer.concat([owner, start.subarray(0, LONG_KEY_BYTES)]),
    end: endKey(index.id, owner, start, end),
  }));
  return { ranges, whole };
}

function endKey(id: number, owner: Buffer, start: Buffer, end: Buffer): Buffer {
  if (start.length === 0 && end.length === 0) return ownerPrefix(id + 1);
  if (end.length <= LONG_KEY_BYTES) return Buffer.concat([owner, end]);
  return Buffer.concat([owner, afterPrefix(end.subarray(0, LONG_KEY_BYTES))]);
}

function rangeAfter(prefix: Buffer, { start, end, point }: Interval): KeyRange {
  if (point) return pointRange(Buffer.concat([prefix, start]));
  return { start: Buffer.concat([prefix, start]), end: Buffer.concat([prefix, end]) };
}

function pointRange(key: Buffer): KeyRange {
  return { start: key, end: key.length === 0 ? key : afterPrefix(key) };
}

/** Returns the direction (1 or -1) in which the index yields the sort order; undefined if it does not yield it. */
function orderFrom(
  index: IndexInfo,
  bounds: readonly FieldBounds[],
  sort: readonly KeyPart[],
): 1 | -1 | undefined {
  if (sort.length === 0) return 1;
  if (index.longKeys) return undefined;
  const single = (part: number): boolean => {
    const intervals = bounds[part]?.intervals;
    return intervals?.length === 1 && intervals[0]?.point === true;
  };
  const fixed = new Set(index.parts.filter((_, part) => single(part)).map(({ field }) => field.text));
  const wanted = sort.filter(({ field }) => !fixed.has(field.text));
  const offered = index.parts.filter(({ field }) => !fixed.has(field.text));
  if (wanted.length > offered.length) return undefined;
  const turns = wanted.map(({ field, direction }, at) => {
    const part = offered[at];
    return part?.field.text === field.text ? part.direction * direction : 0;
  });
  if (turns.every((turn) => turn === 1)) return 1;
  return turns.every((turn) => turn === -1) ? -1 : undefined;
}
