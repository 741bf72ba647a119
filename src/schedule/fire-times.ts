import type { Schedule } from './cron.ts';
import { type Period, periodAt } from './offsets.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const HOURS_PER_DAY = 24;

/** A margin above the maximum distance between an instant and its wall time, including a clock change. */
const MARGIN_MS = 2 * DAY_MS;

const EVERY_DAY = Array.from({ length: 31 }, (_, at) => at + 1);

/**
 * Yields the wall times of a schedule at or after `from` and before `until`, ascending. A wall time is what a clock
 * shows, in milliseconds since 1970 as if the clock were in UTC.
 */
function* wallTimes(schedule: Schedule, from: number, until: number): Generator<number, void, undefined> {
  const { minutes, hours, days, months, weekdays, dayRestricted, weekdayRestricted } = schedule;
  const today = Math.floor(from / DAY_MS) * DAY_MS;
  const start = new Date(today);
  const year = start.getUTCFullYear();
  for (let month = start.getUTCMonth(); ; month += 1) {
    if (!months.includes((month % 12) + 1)) continue;
    const first = Date.UTC(year, month);
    const next = Date.UTC(year, month + 1);
    if (first >= until || Number.isNaN(next)) return; // beyond the range of Date
    const firstWeekday = new Date(first).getUTCDay();
    for (const dayOfMonth of weekdayRestricted ? EVERY_DAY : days) {
      const day = first + (dayOfMonth - 1) * DAY_MS;
      if (day >= next) break;
      if (day < today) continue;
      const matches =
        !weekdayRestricted ||
        weekdays.includes((firstWeekday + dayOfMonth - 1) % 7) ||
        (dayRestricted && days.includes(dayOfMonth));
      if (!matches) continue;
      for (const hour of hours) {
        const hourStart = day + hour * HOUR_MS;
        if (hourStart + HOUR_MS <= from) continue;
        for (const minute of minutes) {
          const at = hourStart + minute * MINUTE_MS;
          if (at >= until) return;
          if (at >= from) yield at;
        }
      }
    }
  }
}

/** Returns the first wall time of a schedule at or after the wall time `from`; Infinity if there is none. */
function wallTimeFrom(schedule: Schedule, from: number): number {
  for (const at of wallTimes(schedule, from, Infinity)) return at;
  return Infinity;
}

/**
 * Returns the fire times for wall times that the clocks skip at the start of a period. Computes them with the previous
 * offset, so the clock then shows a time that is later than scheduled by the length of the gap.
 */
function lateTimes(schedule: Schedule, period: Period, from: number): number[] {
  const { start, end, offset, offsetBefore, shownUntil } = period;
  const first = Math.max(shownUntil, from + offsetBefore);
  const until = Math.min(start + offset, end + offsetBefore);
  return first < until ? Array.from(wallTimes(schedule, first, until), (at) => at - offsetBefore) : [];
}

/**
 * Returns the first wall time at which a schedule may fire in a period, not before the instant `from`. If the clocks
 * repeat wall times at the start of the period, only a schedule for every hour fires again at these wall times.
 */
function firstWallTime({ hours }: Schedule, { start, offset, shownUntil }: Period, from: number): number {
  const first = hours.length === HOURS_PER_DAY ? start + offset : Math.max(start + offset, shownUntil);
  return Math.max(first, from + offset);
}

/**
 * Yields the fire times of a schedule after an instant, ascending, by the rules in openapi.yaml (Task.upcoming).
 * Instants are in milliseconds since 1970.
 * @param zone - any name that Intl knows
 * @param afterMs - exclusive
 * @throws RangeError if Intl does not know the zone
 */
export function* fireTimes(
  schedule: Schedule,
  zone: string,
  afterMs: number,
): Generator<number, void, undefined> {
  let from = Math.floor(afterMs) + 1;
  while (from < Infinity) {
    const period = periodAt(zone, from);
    const { end, offset } = period;
    const late = lateTimes(schedule, period, from);
    for (const wallTime of wallTimes(schedule, firstWallTime(schedule, period, from), end + offset)) {
      const at = wallTime - offset;
      while (late[0] !== undefined && late[0] < at) yield* late.splice(0, 1);
      if (late[0] === at) late.shift();
      yield at;
    }
    yield* late;
    // Skip periods until shortly before the next wall time of the schedule.
    from = Math.max(end, wallTimeFrom(schedule, end - MARGIN_MS) - MARGIN_MS);
  }
}
