import { Heap } from 'heap-js';
import type { UpcomingFire } from '../../generated/types.gen.ts';
import { ApiError } from '../lib/errors.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import { isSliceOver, nextSlice } from '../lib/time-slices.ts';
import { boundOf } from '../store/run-filter.ts';
import type { TaskFilter, TaskStore } from '../store/task-store.ts';
import type { Input, Reply } from './handlers.ts';
import { idFilter } from './find-tasks.ts';
import type { Principal } from './principal.ts';
import type { Upcoming } from './upcoming.ts';

interface Dependencies {
  tasks: Pick<TaskStore, 'schedules'>;
  upcoming: Upcoming;
  now: () => Date;
}

const DAY_MS = 24 * 60 * 60 * 1_000;
// The limits of the operation (openapi.yaml, listUpcoming).
/** Default length of the range from `from` to `to`. */
const DEFAULT_SPAN_MS = 7 * DAY_MS;
/** A longer range is cut to this length. */
const MAX_SPAN_MS = 31 * DAY_MS;
/** Maximum number of fire times in a reply. */
const MAX_FIRES = 10_000;
/** Maximum number of enabled tasks that may match the filters. */
const MAX_TASKS = 10_000;

/** Number of tasks per query. It is small, because decoding the result blocks the event loop for a few milliseconds. */
const PAGE_SIZE = 250;

type Query = Input<'listUpcoming'>['query'];

/** The next fire time of all tasks with the same schedule and time zone. Times are in milliseconds since 1970. */
interface Next {
  at: number;
  /** Yields the fire times after `at`. */
  later: Generator<number, void, undefined>;
  ids: string[];
}

/** The range of fire times to list, in milliseconds since 1970. */
interface Range {
  /** Inclusive start. */
  from: number;
  /** Exclusive end. */
  to: number;
  /** Whether the requested range was longer and was cut to MAX_SPAN_MS. */
  isCut: boolean;
}

function rangeOf({ from, to }: Query, now: number): Range {
  // A fire time at the instant of the request itself does not count, as in Task.upcoming.
  const start = Math.max(now + 1, from === undefined ? 0 : boundOf(from).getTime());
  const end = to === undefined ? start + DEFAULT_SPAN_MS : boundOf(to).getTime();
  const last = start + MAX_SPAN_MS;
  return { from: start, to: Math.min(end, last), isCut: end > last };
}

/** The ids of all tasks with the same schedule and time zone. They fire at the same times. */
interface Group {
  schedule: string;
  timezone: string;
  ids: string[];
}

/**
 * Returns the matching tasks, grouped by schedule and time zone.
 * @throws ApiError too_many_tasks
 */
async function groupsOf(filter: TaskFilter, tasks: Dependencies['tasks']): Promise<Iterable<Group>> {
  const found = new Map<string, Group>();
  let count = 0;
  for await (const page of tasks.schedules(filter, PAGE_SIZE)) {
    count += page.length;
    if (count > MAX_TASKS) {
      throw new ApiError(
        'too_many_tasks',
        `More than ${MAX_TASKS.toLocaleString('en')} enabled tasks match. Narrow them by account_id, artist_account_id or id.`,
      );
    }
    for (const { _id, schedule, timezone: zone } of page) {
      const timezone = zone ?? 'UTC';
      const key = `${timezone} ${schedule}`; // names of time zones contain no spaces
      const group = found.get(key);
      if (group) group.ids.push(_id);
      else found.set(key, { schedule, timezone, ids: [_id] });
    }
  }
  return found.values();
}

/**
 * Returns up to MAX_FIRES fire times in a range, in ascending order and then by task id. `truncated` is true if fire
 * times of the requested range are left out.
 */
async function firstFires(
  filter: TaskFilter,
  { from, to, isCut }: Range,
  { tasks, upcoming }: Dependencies,
): Promise<{ upcoming: UpcomingFire[]; truncated: boolean }> {
  const fires: UpcomingFire[] = [];
  if (from >= to) return { upcoming: fires, truncated: false };
  const queue = new Heap<Next>((one, other) => one.at - other.at);
  const push = (later: Next['later'], ids: string[]) => {
    const { value: at } = later.next();
    if (at !== undefined && at < to) queue.push({ at, later, ids });
  };
  for (const { schedule, timezone, ids } of await groupsOf(filter, tasks)) {
    push(upcoming.all(schedule, timezone, from - 1), ids);
    if (isSliceOver()) await nextSlice();
  }
  while (queue.length > 0 && fires.length <= MAX_FIRES) {
    const instant = queue.peek()?.at;
    const due: string[] = [];
    for (let next = queue.peek(); next !== undefined && next.at === instant; next = queue.peek()) {
      queue.pop();
      for (const id of next.ids) due.push(id);
      push(next.later, next.ids);
      if (isSliceOver()) await nextSlice();
    }
    const at = new Date(instant ?? 0).toISOString();
    for (const task_id of due.toSorted()) fires.push({ task_id, at });
  }
  return { upcoming: fires.slice(0, MAX_FIRES), truncated: isCut || fires.length > MAX_FIRES };
}

/** Handles GET /api/tasks/upcoming. */
export function listUpcoming(dependencies: Dependencies) {
  const lookups = new SingleFlight<Awaited<ReturnType<typeof firstFires>>>();
  return async ({ query }: Input<'listUpcoming'>, principal: Principal): Promise<Reply<'listUpcoming'>> => {
    const filter = { ...idFilter(query, principal), enabled: true };
    if (query.enabled === false)
      return { status: 200, body: { status: 'success', upcoming: [], truncated: false } };
    const { from, to } = query;
    const found = await lookups.run(JSON.stringify({ filter, from, to }), () =>
      firstFires(filter, rangeOf(query, dependencies.now().getTime()), dependencies),
    );
    return { status: 200, body: { status: 'success', ...found } };
  };
}
