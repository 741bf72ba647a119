import { parseSchedule } from '../../schedule/cron.ts';
import { scheduleWords } from '../../schedule/words.ts';
import { canonicalZone } from '../../schedule/zones.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The viewer's time zone. */
export const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Returns a count with its unit, such as `2 days`. */
export const plural = (count: number, unit: string): string =>
  `${count.toLocaleString('en-US')} ${unit}${count === 1 ? '' : 's'}`;

/** Formats a duration in milliseconds, such as `2 min 10 s`. */
export function duration(ms: number): string {
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  const seconds = Math.round(ms / SECOND);
  if (ms < MINUTE) return `${seconds} s`;
  if (ms < HOUR) return `${Math.floor(seconds / 60)} min${seconds % 60 > 0 ? ` ${seconds % 60} s` : ''}`;
  if (ms >= DAY) return plural(Math.round(ms / DAY), 'day');
  const minutes = Math.floor((seconds % 3_600) / 60);
  return `${Math.floor(seconds / 3_600)} h${minutes > 0 ? ` ${minutes} min` : ''}`;
}

/** Formats an instant relative to now, such as `in 12 min` or `3 days ago`. */
export function relative(at: Date, now: Date): string {
  const ms = at.getTime() - now.getTime();
  if (Math.abs(ms) < MINUTE / 2) return ms > 0 ? 'in seconds' : 'just now';
  const distance = duration(Math.round(Math.abs(ms) / MINUTE) * MINUTE);
  return ms > 0 ? `in ${distance}` : `${distance} ago`;
}

const exactFormats = new Map<string, Intl.DateTimeFormat>();

/** Formats an instant in a time zone, such as `Thu, Nov 26, 14:00`. Uses UTC if the zone is unknown. */
export function exact(at: Date, zone: string): string {
  let format = exactFormats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      weekday: 'short',
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      timeZone: canonicalZone(zone) ?? 'UTC',
    });
    exactFormats.set(zone, format);
  }
  const year = at.getUTCFullYear();
  return `${format.format(at)}${year === new Date().getUTCFullYear() ? '' : ` ${year}`}`;
}

/** Returns the city of a time zone, such as `New York` for `America/New_York`. */
export const zoneWords = (zone: string): string => zone.slice(zone.lastIndexOf('/') + 1).replaceAll('_', ' ');

/** Formats an instant in the task's time zone and, on a second line, in the viewer's zone if it differs. */
export function exactInZones(at: Date, zone = OWN_ZONE): string {
  const own = `${exact(at, OWN_ZONE)} ${zoneWords(OWN_ZONE)}`;
  return zone === OWN_ZONE ? own : `${exact(at, zone)} ${zoneWords(zone)}\n${own}`;
}

/** Formats an amount in US cents as dollars, such as `$0.019`. */
export const cost = (cents: number): string =>
  `$${(cents / 100).toFixed(cents >= 100 || cents === 0 ? 2 : 3).replace(/(\.\d\d+?)0+$/, '$1')}`;

/** Returns a schedule in words, or the expression itself if it cannot be parsed. */
export function inWords(schedule: string): string {
  try {
    // For a daily schedule, cronstrue returns only the time, such as "At 09:00".
    return scheduleWords(parseSchedule(schedule)).replace(
      /^At [\d:, and]+$/,
      (times) => `Every day, a${times.slice(1)}`,
    );
  } catch {
    return schedule;
  }
}
