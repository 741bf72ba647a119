import type { Schedule } from './cron.ts';
import { type Period, periodAt } from './offsets.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MINUTES_PER_HOUR = 60;
const HOURS_PER_DAY = 24;
const DAYS_PER_WEEK = 7;

/** 1 January 1970. */
const THURSDAY = 4;

/** More than an instant and its wall time, shifted by a change of the clocks, can be apart. */
const MARGIN_MS = 2 * DAY_MS;

/** The last day that a Date can hold. */
const LAST_DAY = 100_000_000;

/** The first minute of a day, not before `from`, that the schedule names; undefined if there is none. */
function minuteOfDay({ hours, minutes }: Schedule, from: number): number | undefined {
  for (const hour of hours) {
    const start = hour * MINUTES_PER_HOUR;
    if (start + MINUTES_PER_HOUR <= from) continue;
    for (const minute of minutes) if (start + minute >= from) return start + minute;
  }
  return undefined;
}

/** The first day, not before `from`, that the schedule names. Days are counted from 1970. */
function dayFrom(schedule: Schedule, from: number): number | undefined {
  const { days, months, weekdays, dayRestricted, weekdayRestricted } = schedule;
  const date = new Date(from * DAY_MS);
  const year = date.getUTCFullYear();
  let dayOfMonth = date.getUTCDate();
  let day = from;
  for (let month = date.getUTCMonth(); day <= LAST_DAY; month += 1) {
    const next = Date.UTC(year, month + 1) / DAY_MS;
    if (months.includes((month % 12) + 1)) {
      for (; day < next; day += 1, dayOfMonth += 1) {
        const onDay = days.includes(dayOfMonth);
        const onWeekday = weekdays.includes(
          (((day + THURSDAY) % DAYS_PER_WEEK) + DAYS_PER_WEEK) % DAYS_PER_WEEK,
        );
        if (dayRestricted && weekdayRestricted ? onDay || onWeekday : onDay && onWeekday) return day;
      }
    }
    day = next;
    dayOfMonth = 1;
  }
  return undefined;
}

/** The first wall time, not before `from`, that the schedule names; infinity if there is none. */
function wallTimeFrom(schedule: Schedule, from: number): number {
  const today = Math.floor(from / DAY_MS);
  const minuteToday = minuteOfDay(schedule, Math.ceil((from - today * DAY_MS) / MINUTE_MS));
  const day = dayFrom(schedule, minuteToday === undefined ? today + 1 : today);
  const minute = day === today ? minuteToday : minuteOfDay(schedule, 0);
  return day === undefined || minute === undefined ? Infinity : day * DAY_MS + minute * MINUTE_MS;
}

/** The wall times that the schedule names in a range, as instants by one offset. */
function* instantsOf(
  schedule: Schedule,
  { from, until, offset }: { from: number; until: number; offset: number },
): Generator<number, void, undefined> {
  for (let at = wallTimeFrom(schedule, from); at < until; at = wallTimeFrom(schedule, at + MINUTE_MS)) {
    yield at - offset;
  }
}

/** The fire times in a period, from an instant on. */
function* fireTimesIn(
  schedule: Schedule,
  { start, end, offset, offsetBefore, shownUntil }: Period,
  from: number,
): Generator<number, void, undefined> {
  const wallStart = start + offset;
  // Of wall times that repeat, only a schedule for every hour fires again.
  const firstNew = schedule.hours.length === HOURS_PER_DAY ? wallStart : Math.max(wallStart, shownUntil);
  // Wall times that the clocks skip fire by the offset that held before: as much later as the clocks skip.
  const skipped = {
    from: Math.max(shownUntil, from + offsetBefore),
    until: Math.min(wallStart, end + offsetBefore),
    offset: offsetBefore,
  };
  const late = skipped.from < skipped.until ? [...instantsOf(schedule, skipped)] : [];
  const regular = { from: Math.max(firstNew, from + offset), until: end + offset, offset };
  for (const instant of instantsOf(schedule, regular)) {
    while (late[0] !== undefined && late[0] < instant) yield* late.splice(0, 1);
    if (late[0] === instant) late.shift();
    yield instant;
  }
  yield* late;
}

/**
 * The fire times after an instant, ascending, by the rule that openapi.yaml publishes (Task.upcoming). Instants are
 * milliseconds since 1970.
 * @param zone any name that Intl knows
 * @param afterMs exclusive
 * @throws RangeError where Intl does not know the zone
 */
export function* fireTimes(
  schedule: Schedule,
  zone: string,
  afterMs: number,
): Generator<number, void, undefined> {
  let from = Math.floor(afterMs) + 1;
  for (;;) {
    const period = periodAt(zone, from);
    yield* fireTimesIn(schedule, period, from);
    // Skip the periods until shortly before the next wall time that the schedule names.
    from = Math.max(period.end, wallTimeFrom(schedule, period.end - MARGIN_MS) - MARGIN_MS);
    if (from === Infinity) return;
  }
}
