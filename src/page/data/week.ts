import { useMemo } from 'preact/hooks';
import type { UpcomingResponse } from '../../client/index.ts';
import { type Reading, useUpcoming } from './reads.ts';

export const HOURS = 24;
const DAYS = 7;
/** Tasks that fire more often than this in a day share one entry, instead of one entry for each fire time. */
const OFTEN = 12;

/** An entry in a day's list: the tasks that fire at the same time, or all tasks that fire more than OFTEN times. */
export interface Entry {
  /** When the tasks fire; undefined for the entry of the tasks that fire often. */
  at?: Date;
  tasks: { id: string; times: Date[] }[];
}

/** The upcoming fire times of one day in the viewer's time zone. */
export interface Day {
  start: Date;
  /** Number of fire times in each hour, from midnight. */
  hours: number[];
  /** The entry of the tasks that fire often comes first, then the other entries by time. */
  entries: Entry[];
  /** The fire times at the busiest instant of the day: that instant, once for each task that fires then. */
  busiest: Date[];
  /** The last fire time in the reply, if the day has more fire times than a reply can have; otherwise undefined. */
  cutAt: Date | undefined;
}

/** Returns the longest list; if several are equally long, the first. */
export const longest = <Item>(lists: Item[][]): Item[] =>
  lists.reduce((most, list) => (list.length > most.length ? list : most), []);

function dayOf(start: Date, { upcoming, truncated }: UpcomingResponse): Day {
  const fires = upcoming.map(({ task_id, at }) => ({ id: task_id, at: new Date(at) }));
  const times = fires.map(({ at }) => at);
  const byTask = Map.groupBy(fires, ({ id }) => id);
  const tasks = [...byTask].map(([id, group]) => ({ id, times: group.map(({ at }) => at) }));
  const often = tasks.filter((task) => task.times.length > OFTEN);
  const rare = fires.filter(({ id }) => (byTask.get(id)?.length ?? 0) <= OFTEN);
  const moments = [...Map.groupBy(rare, ({ at }) => at.getTime())].map(([time, group]) => ({
    at: new Date(time),
    tasks: group.map(({ id, at }) => ({ id, times: [at] })),
  }));
  const hours = Array.from({ length: HOURS }, () => 0);
  for (const at of times) hours[at.getHours()] = (hours[at.getHours()] ?? 0) + 1;
  const entries = often.length > 0 ? [{ tasks: often }, ...moments] : moments;
  const busiest = longest([...Map.groupBy(times, Number).values()]);
  return { start, hours, entries, busiest, cutAt: truncated ? times.at(-1) : undefined };
}

/**
 * Reads the fire times of today and the next six days, one request at a time. `missing` is the reading of the first day
 * without data.
 */
export function useWeek(now: Date) {
  const startOf = (day: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + day);
  const readings: Reading<UpcomingResponse>[] = [];
  for (let day = 0; day < DAYS; day += 1) {
    const query = { from: startOf(day).toISOString(), to: startOf(day + 1).toISOString() };
    readings.push(useUpcoming(day === 0 || readings[day - 1]?.data ? query : undefined));
  }
  const replies = readings.map(({ data }) => data);
  const days = useMemo(
    () => replies.flatMap((reply, day) => (reply ? [dayOf(startOf(day), reply)] : [])),
    replies,
  );
  return { days, missing: readings.find(({ data }) => !data) };
}
