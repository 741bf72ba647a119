import { useMemo } from 'preact/hooks';
import type { UpcomingResponse } from '../../client/index.ts';
import { type Reading, useUpcoming } from './reads.ts';

export const HOURS = 24;
const DAYS = 7;
/** A task that fires more often than this in a day is listed once. */
const MOST_TIMES = 12;

/** Tasks of a day that are listed together: those that fire at the same time, or those that fire often. */
export interface Entry {
  /** The time; undefined for tasks that fire often. */
  at?: Date;
  /** The tasks, with their fire times. */
  tasks: { id: string; times: Date[] }[];
}

/** What fires on a day of the viewer's zone. */
export interface Day {
  start: Date;
  /** Fire times by hour. */
  hours: number[];
  /** Tasks that fire often, and then the others by time. */
  entries: Entry[];
  /** The last known fire time, if the day has more than a reply may have. */
  cutAt: Date | undefined;
}

function dayOf(start: Date, { upcoming, truncated }: UpcomingResponse): Day {
  const fires = upcoming.map(({ task_id, at }) => ({ id: task_id, at: new Date(at) }));
  const byTask = Map.groupBy(fires, ({ id }) => id);
  const tasks = [...byTask].map(([id, group]) => ({ id, times: group.map(({ at }) => at) }));
  const often = tasks.filter(({ times }) => times.length > MOST_TIMES);
  const rare = fires.filter(({ id }) => (byTask.get(id)?.length ?? 0) <= MOST_TIMES);
  const moments = [...Map.groupBy(rare, ({ at }) => at.getTime())].map(([time, group]) => ({
    at: new Date(time),
    tasks: group.map(({ id, at }) => ({ id, times: [at] })),
  }));
  const hours = Array.from({ length: HOURS }, () => 0);
  for (const { at } of fires) hours[at.getHours()] = (hours[at.getHours()] ?? 0) + 1;
  const entries = often.length > 0 ? [{ tasks: often }, ...moments] : moments;
  return { start, hours, entries, cutAt: truncated ? fires.at(-1)?.at : undefined };
}

/** Reads today and the next six days, one request after the other. Returns the days that are read. */
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
