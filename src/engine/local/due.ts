import { isSliceOver, nextSlice } from '../../lib/time-slices.ts';
import type { EngineDocument } from '../../store/engine-document.ts';
import { isLiveAt } from '../../store/engine-store.ts';
import type { TaskDocument } from '../../store/task-document.ts';

export type CatchUp = NonNullable<TaskDocument['catch_up']>;

/** Maximum delay with which a fire time counts as on time. */
export const ON_TIME_MS = 60_000;
/** How far the planner may be behind before fire times count as missed, if an engine was live all the time. */
const MAX_BEHIND_MS = 15 * 60_000;

/** Maximum number of missed fire times that run late, by `catch_up`. All others share one `missed` occurrence. */
const MAX_LATE: Readonly<Record<CatchUp, number>> = { skip: 0, once: 1, all: 100 };

/** Number of newest fire times that `gather` keeps: enough for 100 late ones, 17 on time, and the last missed one. */
const KEPT = 120;
/** Number of fire times between two checks of the time slice. */
const BETWEEN_CHECKS = 1_000;

/**
 * Returns the earliest fire time that counts as on time, in Unix milliseconds. A fire time that came due while an
 * engine was live is not missed: the planner may only be behind.
 */
export function onTimeFrom(engine: Pick<EngineDocument, 'at' | 'live_since'>, now: Date): number {
  const liveMs = isLiveAt(engine, now) ? now.getTime() - engine.live_since.getTime() : 0;
  return now.getTime() - Math.min(MAX_BEHIND_MS, Math.max(0, liveMs)) - ON_TIME_MS;
}

/** A task's undecided fire times up to an instant. Fire times are in Unix milliseconds. */
export interface DueTimes {
  count: number;
  first?: number;
  /** The newest fire times, at most KEPT, ascending. */
  newest: number[];
  /** The first fire time after that instant. */
  next?: number;
}

/** A fire time that gets a run, or a range of missed fire times. */
export type Due =
  | { kind: 'fire'; at: number; late: boolean }
  | { kind: 'missed'; first: number; last: number; count: number };

/** Collects the fire times up to `now`. Yields to other work now and then: after a long gap there can be millions. */
export async function gather(times: Iterable<number>, now: number): Promise<DueTimes> {
  const due: DueTimes = { count: 0, newest: [] };
  for (const at of times) {
    if (at > now) return { ...due, next: at };
    due.first ??= at;
    due.count += 1;
    due.newest.push(at);
    if (due.newest.length > KEPT) due.newest.shift();
    if (due.count % BETWEEN_CHECKS === 0 && isSliceOver()) await nextSlice();
  }
  return due;
}

/**
 * Classifies fire times as missed, late or on time, in ascending order.
 * @param from - the earliest instant that is on time
 */
export function classify({ count, first, newest }: DueTimes, from: number, catchUp: CatchUp): Due[] {
  if (first === undefined) return [];
  const onTime = newest.filter((at) => at >= from);
  const missed = newest.slice(0, newest.length - onTime.length);
  const late = missed.slice(Math.max(0, missed.length - MAX_LATE[catchUp]));
  const last = missed.at(-late.length - 1);
  const skipped = count - onTime.length - late.length;
  return [
    ...(skipped > 0 && last !== undefined ? [{ kind: 'missed', first, last, count: skipped } as const] : []),
    ...late.map((at) => ({ kind: 'fire', at, late: true }) as const),
    ...onTime.map((at) => ({ kind: 'fire', at, late: false }) as const),
  ];
}
