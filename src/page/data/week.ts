import { useMemo } from 'preact/hooks';
import type { UpcomingFire, UpcomingResponse } from '../../client/index.ts';
import { type Reading, useUpcoming } from './reads.ts';

export const HOURS = 24;
const DAYS = 7;
/** A task that fires more often than this in a day is listed once. */
const MOST_TIMES = 12;

/** What fires on a day of the viewer's zone. */
export interface Day {
  start: Date;
  /** Fire times by hour. */
  hours: number[];
  /** Tasks that fire often, with their fire times. */
  often: { id: string; times: Date[] }[];
  /** The other tasks, by their fire time. */
  moments: { at: Date; ids: string[] }[];
  /** The last known fire time, if the day has more than a reply may have. */
  cutAt: Date | undefined;
}

function grouped(fires: UpcomingFire[], name: keyof UpcomingFire): [string, UpcomingFire[]][] {
  const groups = new Map<string, UpcomingFire[]>();
  for (const fire of fires) {
    const group = groups.get(fire[name]);
    if (group) group.push(fire);
    else groups.set(fire[name], [fire]);
  }
  return [...groups];
}

function dayOf(start: Date, { upcoming, truncated }: UpcomingResponse): Day {
  const often = grouped(upcoming, 'task_id')
    .filter(([, fires]) => fires.length > MOST_TIMES)
    .map(([id, fires]) => ({ id, times: fires.map(({ at }) => new Date(at)) }));
  const frequent = new Set(often.map(({ id }) => id));
  const rare = upcoming.filter(({ task_id }) => !frequent.has(task_id));
  const moments = grouped(rare, 'at').map(([at, fires]) => ({
    at: new Date(at),
    ids: fires.map(({ task_id }) => task_id),
  }));
  const times = upcoming.map(({ at }) => new Date(at));
  const hours = Array.from({ length: HOURS }, () => 0);
  for (const at of times) hours[at.getHours()] = (hours[at.getHours()] ?? 0) + 1;
  return { start, hours, often, moments, cutAt: truncated ? times.at(-1) : undefined };
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
