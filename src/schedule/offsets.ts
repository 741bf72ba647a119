import { LRUCache } from 'lru-cache';

/**
 * A period between two clock changes of a time zone. Instants and wall times are in milliseconds since 1970. A wall
 * time is what a clock shows, as if the clock were in UTC.
 */
export interface Period {
  /** The start: a clock change, or the start of the searched span. */
  start: number;
  /** The exclusive end: the next clock change, or the end of the searched span. */
  end: number;
  /** The offset in the period: wall time minus UTC, in milliseconds. */
  offset: number;
  offsetBefore: number;
  /** The wall time that clocks reached before the period. Earlier wall times in the period are repeats. */
  shownUntil: number;
}

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/**
 * Length of the span in which a zone's clock changes are searched and cached. The next ten fire times of most schedules
 * fall within one or a few spans.
 */
const SPAN_MS = 90 * DAY_MS;

/**
 * Distance between the instants at which the search compares offsets. The search misses two clock changes that cancel
 * each other out if they are closer together than this. The closest such pair in tzdata since 1900 is seven days minus
 * an hour apart (Gaza in 2040, Recife in 2000).
 */
const PROBE_MS = 6 * DAY_MS;

/** Maximum number of cached spans, of about 300 bytes each. */
const MAX_SPANS = 5_000;

/** Maximum number of cached formats. Each takes tens of kilobytes, and is needed only for spans that are not cached. */
const MAX_FORMATS = 50;

const spans = new LRUCache<string, Period[]>({ max: MAX_SPANS });
const formats = new LRUCache<string, Intl.DateTimeFormat>({ max: MAX_FORMATS });

/** Returns Intl's format for a zone's offset. Rejects offsets such as +02:00, which some JavaScript engines accept. */
function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    if (!/^[a-z]/i.test(zone)) throw new RangeError(`Invalid time zone: ${zone}`);
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    formats.set(zone, format);
  }
  return format;
}

/** Returns the offset at an instant, in milliseconds. Intl formats offsets as `GMT`, `GMT-05:00` or `GMT-00:44:30`. */
function offsetAt(format: Intl.DateTimeFormat, instant: number): number {
  const [, sign, hours, minutes, seconds = 0] =
    /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(format.format(instant)) ?? [];
  if (sign === undefined) return 0;
  return Number(`${sign}1`) * ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * SECOND_MS;
}

/** Returns when the offset first differs from `offset`, to the second. It must differ at `to`, and not at `from`. */
function changeBetween(format: Intl.DateTimeFormat, from: number, to: number, offset: number): number {
  let before = from;
  let after = to;
  while (after - before > SECOND_MS) {
    const middle = before + Math.floor((after - before) / 2 / SECOND_MS) * SECOND_MS;
    if (offsetAt(format, middle) === offset) before = middle;
    else after = middle;
  }
  return after;
}

/** Finds the periods of the span at `from`. Starts earlier: a change before the span may skip or repeat times in it. */
function findPeriods(zone: string, from: number): Period[] {
  const format = formatOf(zone);
  const end = from + SPAN_MS;
  let start = from - PROBE_MS;
  let offset = offsetAt(format, start);
  let period: Period = { start, end, offset, offsetBefore: offset, shownUntil: start + offset };
  const periods = [period];
  for (let probed = start; probed < end;) {
    const probe = Math.min(probed + PROBE_MS, end);
    if (offsetAt(format, probe) === offset) {
      probed = probe;
      continue;
    }
    start = changeBetween(format, probed, probe, offset);
    period.end = start;
    const shownUntil = Math.max(period.shownUntil, start + offset);
    const offsetBefore = offset;
    offset = offsetAt(format, start);
    period = { start, end, offset, offsetBefore, shownUntil };
    periods.push(period);
    probed = start;
  }
  return periods;
}

/** @throws RangeError if Intl does not know the zone */
export function periodAt(zone: string, instant: number): Period {
  const span = Math.floor(instant / SPAN_MS);
  const key = `${zone} ${span}`;
  let periods = spans.get(key);
  if (!periods) {
    periods = findPeriods(zone, span * SPAN_MS);
    spans.set(key, periods);
  }
  const found = periods.findLast(({ start }) => start <= instant);
  if (!found) throw new RangeError(`Invalid instant: ${instant}`);
  return found;
}
