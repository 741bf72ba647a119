/**
 * Evaluates the rule of openapi.yaml (Task.upcoming) directly and slowly: it walks the civil calendar minute by minute and
 * looks each wall time up in a table of what the clocks show. It shares no code with `src/schedule/`.
 */

/** A schedule as the sets of values it names. */
export interface Sets {
  minutes: ReadonlySet<number>;
  hours: ReadonlySet<number>;
  days: ReadonlySet<number>;
  months: ReadonlySet<number>;
  /** 0 to 6; 7 is 0. */
  weekdays: ReadonlySet<number>;
  /** Whether the field is anything but `*`. */
  dayRestricted: boolean;
  weekdayRestricted: boolean;
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

const NAMES: Record<string, number> = {
  ...Object.fromEntries(
    ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'].map((name, at) => [
      name,
      at + 1,
    ]),
  ),
  ...Object.fromEntries(['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'].map((name, at) => [name, at])),
};

/** Reads a valid expression of a table; random expressions come with their sets and do not pass here. */
export function setsOf(expression: string): Sets {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = expression.trim().split(/[ \t]+/);
  const values = (field: string, min: number, max: number) =>
    new Set(
      field.split(',').flatMap((item) => {
        const [range = '', step = '1'] = item.split('/');
        const [from = min, to = range === '*' ? max : from] =
          range === '*' ? [] : range.split('-').map((text) => NAMES[text.toUpperCase()] ?? Number(text));
        const all: number[] = [];
        for (let value = from; value <= to; value += Number(step)) all.push(value);
        return all;
      }),
    );
  return {
    minutes: values(minute, 0, 59),
    hours: values(hour, 0, 23),
    days: values(day, 1, 31),
    months: values(month, 1, 12),
    weekdays: new Set([...values(weekday, 0, 7)].map((value) => value % 7)),
    dayRestricted: day !== '*',
    weekdayRestricted: weekday !== '*',
  };
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the clocks of a zone show at an instant, written as the instant at which those of UTC show it. */
export function wallAt(zone: string, atMs: number): number {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    });
    formats.set(zone, format);
  }
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0] = format.format(atMs).split(/\D+/).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute);
}

/** How far the clocks of a zone are ahead of UTC. */
export const offsetAt = (zone: string, atMs: number): number =>
  wallAt(zone, atMs) - Math.floor(atMs / MINUTE_MS) * MINUTE_MS;

/** The instants at which the clocks of a zone change, to the minute; no zone changes twice within ten days. */
export function changesOf(zone: string, fromMs: number, toMs: number): number[] {
  const STEP_MS = 10 * DAY_MS;
  const changes: number[] = [];
  let before = offsetAt(zone, fromMs);
  for (let from = fromMs; from < toMs; from += STEP_MS) {
    const after = offsetAt(zone, from + STEP_MS);
    if (after === before) continue;
    let [low, high] = [from, from + STEP_MS];
    while (high - low > MINUTE_MS) {
      const middle = low + Math.floor((high - low) / 2 / MINUTE_MS) * MINUTE_MS;
      if (offsetAt(zone, middle) === before) low = middle;
      else high = middle;
    }
    changes.push(high);
    before = after;
  }
  return changes;
}

/** Whether a schedule names a civil day: either day field is enough where both are restricted. */
function namesDay(sets: Sets, wallMs: number): boolean {
  const at = new Date(wallMs);
  if (!sets.months.has(at.getUTCMonth() + 1)) return false;
  const day = sets.days.has(at.getUTCDate());
  const weekday = sets.weekdays.has(at.getUTCDay());
  return sets.dayRestricted && sets.weekdayRestricted ? day || weekday : day && weekday;
}

/** Whether a schedule runs every hour, so that it fires in both passes of an hour that repeats. */
const isHourly = (sets: Sets): boolean => sets.hours.size === 24;

/** In order, each once: a time moved by a skip may meet another. */
const ascending = (times: number[]): number[] =>
  times.toSorted((one, other) => one - other).filter((at, index, all) => at !== all[index - 1]);

/** What the clocks of a zone show in each minute of a few days. */
export class Table {
  readonly zone: string;
  /** The first instant of each wall time, by its minutes since `#firstWall`; undefined where the clocks skip it. */
  readonly #first: (number | undefined)[] = [];
  /** The later instants of wall times that repeat. */
  readonly #again = new Map<number, number[]>();
  /** Where the clocks skip: the first minute after it, and the wall times shown before and in that minute. */
  readonly #skips: { at: number; before: number; after: number }[] = [];
  readonly #firstWall: number;
  #lastWall = Number.NaN;

  constructor(zone: string, fromMs: number, toMs: number) {
    this.zone = zone;
    this.#firstWall = wallAt(zone, fromMs);
    // No zone changes twice within a quarter of an hour.
    const STEP_MS = 15 * MINUTE_MS;
    let offset = offsetAt(zone, fromMs);
    for (let from = fromMs; from < toMs; from += STEP_MS) {
      const next = offsetAt(zone, from + STEP_MS);
      for (let at = from; at < from + STEP_MS; at += MINUTE_MS) {
        this.#add(at, next === offset ? at + offset : wallAt(zone, at));
      }
      offset = next;
    }
  }

  #add(at: number, wall: number): void {
    if (wall > this.#lastWall + MINUTE_MS) this.#skips.push({ at, before: this.#lastWall, after: wall });
    this.#lastWall = wall;
    const index = this.#indexOf(wall);
    if (this.#first[index] === undefined) this.#first[index] = at;
    else this.#again.set(wall, [...(this.#again.get(wall) ?? []), at]);
  }

  #indexOf(wall: number): number {
    return (wall - this.#firstWall) / MINUTE_MS;
  }

  /** All instants of a wall time, ascending; for a skipped one the instant that shows a time as much later as the skip. */
  #instantsOf(wall: number): number[] {
    const first = this.#first[this.#indexOf(wall)];
    if (first !== undefined) return [first, ...(this.#again.get(wall) ?? [])];
    const skip = this.#skips.find(({ before, after }) => before < wall && wall < after);
    if (skip === undefined) return [];
    const later = wall + (skip.after - skip.before - MINUTE_MS);
    return this.#instantsOf(later).filter((at) => at >= skip.at);
  }

  /** Every fire time between two instants, the first excluded; both must be two days inside the table. */
  firesBetween(sets: Sets, afterMs: number, untilMs: number): number[] {
    const fires: number[] = [];
    const isEach = isHourly(sets);
    for (let day = this.#firstWall - (this.#firstWall % DAY_MS); day <= this.#lastWall; day += DAY_MS) {
      if (!namesDay(sets, day)) continue;
      for (const hour of sets.hours) {
        for (const minute of sets.minutes) {
          for (const at of this.#instantsOf(day + hour * HOUR_MS + minute * MINUTE_MS)) {
            if (at > afterMs && at <= untilMs) fires.push(at);
            if (!isEach) break;
          }
        }
      }
    }
    return ascending(fires);
  }
}

/**
 * Every fire time between two instants that may be years apart, the first excluded: civil day by civil day, with the
 * offsets around each wall time instead of a table.
 */
export function firesByDay(sets: Sets, zone: string, afterMs: number, untilMs: number): number[] {
  const fires: number[] = [];
  const firstDay = Math.floor(afterMs / DAY_MS) * DAY_MS - 3 * DAY_MS;
  for (let day = firstDay; day <= untilMs + 3 * DAY_MS; day += DAY_MS) {
    if (!namesDay(sets, day)) continue;
    for (const hour of sets.hours) {
      for (const minute of sets.minutes) {
        const wall = day + hour * HOUR_MS + minute * MINUTE_MS;
        const [before, after] = [offsetAt(zone, wall - 1.5 * DAY_MS), offsetAt(zone, wall + 1.5 * DAY_MS)];
        const instants = [...new Set([wall - before, wall - after])]
          .filter((at) => wallAt(zone, at) === wall)
          .toSorted((one, other) => one - other);
        if (instants.length === 0) instants.push(wall - before);
        for (const at of isHourly(sets) ? instants : instants.slice(0, 1)) fires.push(at);
      }
    }
  }
  return ascending(fires.filter((at) => at > afterMs && at <= untilMs));
}

/** Whether a schedule fires at all: a walk over the days of eight years, the longest time between two 29 Februaries. */
export function everFires(sets: Sets): boolean {
  for (let day = Date.UTC(2096, 1, 1); day <= Date.UTC(2104, 1, 29); day += DAY_MS) {
    if (namesDay(sets, day)) return true;
  }
  return false;
}
