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
/** openapi.yaml, listUpcoming. */
const DEFAULT_SPAN_MS = 7 * DAY_MS;
const MAX_SPAN_MS = 31 * DAY_MS;
const MAX_FIRES = 10_000;
const MAX_TASKS = 10_000;

/** Number of tasks per page. Small, because decoding one page blocks the event loop for a few milliseconds. */
const PAGE_SIZE = 250;

type Query = Input<'listUpcoming'>['query'];

/** The next fire time of all tasks with the same schedule and time zone. */
interface Next {
  at: number;
  later: Generator<number, void, undefined>;
  ids: string[];
}

interface Range {
  /** Inclusive. */
  from: number;
  /** Exclusive. */
  to: number;
  /** Whether the requested range is longer than this one. */
  isCut: boolean;
}

function rangeOf({ from, to }: Query, now: number): Range {
  // As in Task.upcoming, a fire time at the instant of the request does not count.
  const start = Math.max(now + 1, from === undefined ? 0 : boundOf(from).getTime());
  const end = to === undefined ? start + DEFAULT_SPAN_MS : boundOf(to).getTime();
  const last = start + MAX_SPAN_MS;
  return { from: start, to: Math.min(end, last), isCut: end > last };
}

/** Tasks that fire at the same times. */
interface Group {
  schedule: string;
  timezone: string;
  ids: string[];
}

/** Returns the matching tasks, grouped by schedule and time zone. */
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

/** Returns the first fire times in a range, and whether there are more. */
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

/** GET /api/tasks/upcoming */
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
