/**
 * The fire times against an oracle that shares no code with them, against times computed by hand, and against cron-parser.
 * PROPERTY_SEED repeats a failure (fast-check prints the seed), PROPERTY_RUNS looks further than 20,000 cases.
 */
import { CronExpressionParser } from 'cron-parser';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InvalidSchedule, parseSchedule } from '../../src/schedule/cron.ts';
import { fireTimes } from '../../src/schedule/fire-times.ts';
import { CASES, DAYLESS, NASTY, REPORTS } from './cases.ts';
import { type Known, expressionsNear, sparseExpressions } from './expressions.ts';
import {
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  type Sets,
  Table,
  changesOf,
  everFires,
  firesByDay,
  offsetAt,
  setsOf,
  wallAt,
} from './oracle.ts';

const RUNS = Math.max(20_000, Number(process.env.PROPERTY_RUNS ?? 0));
const SEED = Number(process.env.PROPERTY_SEED ?? 20_261_126);
const TIMEOUT_MS = 900_000;
const settings = (numRuns: number) => ({ numRuns: Math.ceil(numRuns), seed: SEED });

const iso = (times: number[]): string[] => times.map((at) => new Date(at).toISOString());

/** Unlike expect's, costs nothing where the times are the same. */
function expectSame(actual: number[], expected: number[], what: string): void {
  const at = Math.max(actual.length, expected.length);
  for (let index = 0; index < at; index += 1) {
    if (actual[index] === expected[index]) continue;
    const show = (times: number[]) => iso(times.slice(Math.max(0, index - 1), index + 2)).join(' ');
    throw new Error(`${what}: got ${show(actual)}, expected ${show(expected)}`);
  }
}

function firesUntil(expression: string, zone: string, afterMs: number, untilMs: number): number[] {
  const times: number[] = [];
  for (const at of fireTimes(parseSchedule(expression), zone, afterMs)) {
    if (at > untilMs) break;
    times.push(at);
  }
  return times;
}

function firstFires(expression: string, zone: string, afterMs: number, count: number): number[] {
  const times: number[] = [];
  for (const at of fireTimes(parseSchedule(expression), zone, afterMs)) if (times.push(at) === count) break;
  return times;
}

function isAccepted(expression: string): boolean {
  try {
    parseSchedule(expression);
    return true;
  } catch (error) {
    if (error instanceof InvalidSchedule) return false;
    throw error;
  }
}

/** A change of a zone's clocks, and the days around it. */
interface Change {
  zone: string;
  atMs: number;
  table: Table;
  toString(): string;
}

function changeAt(zone: string, atMs: number): Change {
  return {
    zone,
    atMs,
    table: new Table(zone, atMs - 5 * DAY_MS, atMs + 5 * DAY_MS),
    toString: () => `${zone} ${new Date(atMs).toISOString()}`,
  };
}

/** Changes of the past that no zone plans to repeat: skipped days, quarter and half hours, and the like. */
const RARE: [zone: string, near: string][] = [
  ['Pacific/Apia', '2011-12-30T10:00Z'],
  ['Pacific/Fakaofo', '2011-12-30T11:00Z'],
  ['Pacific/Kiritimati', '1994-12-31T10:00Z'],
  ['Pacific/Kwajalein', '1993-08-21T12:00Z'],
  ['Asia/Kathmandu', '1985-12-31T18:00Z'],
  ['America/Caracas', '2007-12-09T07:00Z'],
  ['America/Caracas', '2016-05-01T07:00Z'],
  ['Asia/Pyongyang', '2015-08-14T15:00Z'],
  ['Asia/Pyongyang', '2018-05-04T15:00Z'],
  ['America/Sao_Paulo', '2018-11-04T03:00Z'],
  ['Antarctica/Casey', '2010-03-04T15:00Z'],
  ['Australia/Lord_Howe', '1985-10-19T16:00Z'],
];

/** As many changes from 2024 to 2032 as the runs are worth, of all zones by turns, and the rare ones. */
function sampleOfChanges(): Change[] {
  const zones = Intl.supportedValuesOf('timeZone');
  const all = zones.flatMap((zone) =>
    changesOf(zone, Date.UTC(2024, 0, 1), Date.UTC(2033, 0, 1)).map((atMs) => ({ zone, atMs })),
  );
  const shuffled = fc.sample(
    fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
    settings(1),
  );
  const sample = (shuffled[0] ?? []).slice(0, Math.ceil(RUNS / 100));
  const rare = RARE.map(([zone, near]) => {
    const [atMs] = changesOf(zone, Date.parse(near) - 3 * DAY_MS, Date.parse(near) + 3 * DAY_MS);
    if (atMs === undefined) throw new Error(`No change of ${zone} near ${near}.`);
    return { zone, atMs };
  });
  return [...rare, ...sample].map(({ zone, atMs }) => changeAt(zone, atMs));
}

const nasty: Known[] = NASTY.map((expression) => ({ expression, sets: setsOf(expression) }));

describe.each([
  ['of our own', CASES],
  ['reported of other schedulers', REPORTS],
])('cases %s', (_whose, cases) => {
  const named = cases.map((one) => [`${one.expression} in ${one.zone} after ${one.after}`, one] as const);

  test.each(named)('%s', (_name, { expression, zone, after, next }) => {
    const times = firstFires(expression, zone, Date.parse(after), next.length);
    expect(iso(times)).toEqual(iso(next.map((at) => Date.parse(at))));
  });

  test.each(named)('%s, by the oracle', (name, { expression, zone, after, next }) => {
    const expected = next.map((at) => Date.parse(at));
    const [afterMs, untilMs] = [Date.parse(after), Math.max(...expected)];
    expectSame(firesByDay(setsOf(expression), zone, afterMs, untilMs), expected, name);
    if (untilMs - afterMs > 20 * DAY_MS) return;
    const dawn = Math.floor(afterMs / DAY_MS) * DAY_MS;
    const table = new Table(zone, dawn - 3 * DAY_MS, untilMs + 3 * DAY_MS);
    expectSame(table.firesBetween(setsOf(expression), afterMs, untilMs), expected, name);
  });
});

test.each(DAYLESS)('$expression names no day that exists', ({ expression }) => {
  expect(everFires(setsOf(expression))).toBe(false);
  expect(() => parseSchedule(expression)).toThrow(InvalidSchedule);
});

test('the oracle reads what it generates, and agrees with itself', () => {
  const changes = RARE.map(([zone, near]) => changeAt(zone, Date.parse(near)));
  const anyCase = fc
    .constantFrom(...changes)
    .chain((change) => fc.tuple(fc.constant(change), expressionsNear(around(change))));
  const property = fc.property(anyCase, ([{ zone, atMs, table }, { expression, sets }]) => {
    expect(setsOf(expression)).toEqual(sets);
    const [from, to] = [atMs - DAY_MS, atMs + DAY_MS];
    expectSame(firesByDay(sets, zone, from, to), table.firesBetween(sets, from, to), expression);
  });
  fc.assert(property, settings(100));
});

/** What the clocks show around a change. */
const around = ({ zone, atMs }: Change): number[] =>
  [-90, -30, -1, 0, 30, 90].map((minutes) => wallAt(zone, atMs + minutes * MINUTE_MS));

/** Instants before, inside and after a change: on the minute, and off it. */
const instantsAround = ({ atMs }: Change): fc.Arbitrary<number> =>
  fc.oneof(
    fc.constant(atMs - 3 * DAY_MS),
    fc.integer({ min: -8, max: 8 }).map((quarter) => atMs + (quarter * HOUR_MS) / 4),
    fc.integer({ min: -120, max: 120 }).map((minute) => atMs + minute * MINUTE_MS),
    fc.integer({ min: -3 * DAY_MS, max: 2 * DAY_MS }).map((ms) => atMs + ms),
  );

test(
  'all fire times around changes are those of the oracle',
  () => {
    const anyCase = fc.constantFrom(...sampleOfChanges()).chain((change) =>
      fc.record({
        change: fc.constant(change),
        known: fc.oneof(
          { weight: 4, arbitrary: expressionsNear(around(change)) },
          { weight: 1, arbitrary: fc.constantFrom(...nasty) },
        ),
        afterMs: instantsAround(change),
      }),
    );
    const property = fc.property(anyCase, ({ change, known: { expression, sets }, afterMs }) => {
      if (!everFires(sets)) return;
      const untilMs = change.atMs + 3 * DAY_MS;
      expectSame(
        firesUntil(expression, change.zone, afterMs, untilMs),
        change.table.firesBetween(sets, afterMs, untilMs),
        `${expression} in ${change.zone} after ${new Date(afterMs).toISOString()}`,
      );
    });
    fc.assert(property, settings(RUNS));
  },
  TIMEOUT_MS,
);

const zones = fc.constantFrom(
  ...Intl.supportedValuesOf('timeZone'),
  'UTC',
  'Etc/GMT+12',
  'Asia/Kolkata',
  'Europe/Kyiv',
  'US/Eastern',
);

const instants = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2090, 0, 1) });

test(
  'sparse schedules fire on the days of the calendar',
  () => {
    const property = fc.property(
      sparseExpressions,
      zones,
      instants,
      ({ expression, sets }, zone, afterMs) => {
        if (!everFires(sets)) return;
        const actual = firstFires(expression, zone, afterMs, 5);
        expectSame(
          actual,
          firesByDay(sets, zone, afterMs, actual.at(-1) ?? Number.NaN),
          `${expression} in ${zone} after ${new Date(afterMs).toISOString()}`,
        );
        expect(actual).toHaveLength(5);
      },
    );
    fc.assert(property, settings(RUNS / 20));
  },
  TIMEOUT_MS,
);

test(
  'a schedule is accepted just when it fires within eight years',
  () => {
    const property = fc.property(
      fc.oneof(sparseExpressions, expressionsNear([])),
      zones,
      instants,
      ({ expression, sets }, zone, afterMs) => {
        const fires = everFires(sets);
        if (isAccepted(expression) !== fires)
          throw new Error(`${expression} must be ${fires ? 'accepted' : 'refused'}.`);
        if (!fires) return;
        const [next = Number.NaN] = firstFires(expression, zone, afterMs, 1);
        expect(next).toBeGreaterThan(afterMs);
        expect(next).toBeLessThanOrEqual(afterMs + 8 * 366 * DAY_MS);
      },
    );
    fc.assert(property, settings(RUNS / 10));
  },
  TIMEOUT_MS,
);

/** A form that cron-parser reads as we do: no value twice. */
function plain(expression: string, sets: Sets): string {
  const fields = [sets.minutes, sets.hours, sets.days, sets.months, sets.weekdays];
  return fields
    .map((values, at) =>
      expression.split(/\s+/)[at] === '*' ? '*' : [...values].toSorted((one, other) => one - other).join(','),
    )
    .join(' ');
}

test(
  'cron-parser agrees away from changes',
  () => {
    const property = fc.property(
      fc.oneof(sparseExpressions, expressionsNear([])),
      zones,
      instants,
      ({ expression, sets }, zone, afterMs) => {
        fc.pre(everFires(sets));
        const actual = firstFires(expression, zone, afterMs, 5);
        const last = actual.at(-1) ?? afterMs;
        fc.pre(last - afterMs < 400 * DAY_MS);
        fc.pre(changesOf(zone, afterMs - 10 * DAY_MS, last + 10 * DAY_MS).length === 0);
        fc.pre(offsetAt(zone, afterMs) === offsetAt(zone, last));
        const other = CronExpressionParser.parse(plain(expression, sets), {
          currentDate: new Date(afterMs),
          tz: zone,
        });
        expectSame(
          actual,
          actual.map(() => other.next().getTime()),
          `${plain(expression, sets)} in ${zone} after ${new Date(afterMs).toISOString()}`,
        );
      },
    );
    fc.assert(property, settings(RUNS / 40));
  },
  TIMEOUT_MS,
);
