import { describe, expect, test } from '@jest/globals';
import fc, { type Arbitrary } from 'fast-check';
import { canonicalSchedule } from '../../src/schedule/canonical.ts';
import { type Schedule, parseSchedule } from '../../src/schedule/cron.ts';
import { fireTimes } from '../../src/schedule/fire-times.ts';
import { scheduleWords } from '../../src/schedule/words.ts';

const settings = {
  numRuns: Number(process.env.PROPERTY_RUNS ?? 200),
  seed: Number(process.env.PROPERTY_SEED ?? 20_261_124),
};
const FROM = Date.UTC(2026, 10, 23, 12);

const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
);
const WEEKDAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

/** One item of a field: a value, a range, or a step of either kind. */
function item(min: number, max: number): Arbitrary<string> {
  const value = fc.integer({ min, max });
  const range = fc.tuple(value, value).map((pair) => pair.toSorted((a, b) => a - b).join('-'));
  const step = fc.integer({ min: 1, max });
  return fc.oneof(
    value.map(String),
    range,
    fc.tuple(range, step).map(([of, by]) => `${of}/${by}`),
    step.map((by) => `*/${by}`),
  );
}

const field = (min: number, max: number): Arbitrary<string> =>
  fc.oneof(
    fc.constant('*'),
    fc.array(item(min, max), { minLength: 1, maxLength: 3 }).map((items) => items.join(',')),
  );

function parses(expression: string): boolean {
  try {
    parseSchedule(expression);
    return true;
  } catch {
    return false;
  }
}

const expression = fc
  .tuple(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7))
  .map((fields) => fields.join(' '))
  .filter(parses);

function next(text: string, zone: string): number[] {
  const times: number[] = [];
  for (const at of fireTimes(parseSchedule(text), zone, FROM)) if (times.push(at) === 20) break;
  return times;
}

describe('the canonical form', () => {
  test.each([
    ['00 09\t* *  THU', '0 9 * * 4'],
    ['0-59/1 */1 1-31 JAN-DEC 0-7', '* * * * *'],
    ['0,15,30,45 * * * *', '*/15 * * * *'],
    ['*/7 * * * *', '0-56/7 * * * *'],
    ['5,4,3,3 17,9 * * 7', '3-5 9,17 * * 0'],
    ['0 0 */2 * *', '0 0 1-31/2 * *'],
    ['0 9 1 * */1', '0 9 * * *'],
    ['0 9 1-31 * 1', '0 9 * * *'],
    ['0 9 * * 5-7', '0 9 * * 0,5,6'],
    ['0 0,12 * */3 *', '0 0,12 * 1,4,7,10 *'],
  ])('of %s is %s', (text, canonical) => {
    expect(canonicalSchedule(parseSchedule(text))).toBe(canonical);
  });

  test('has the same fire times, and itself as canonical form', () => {
    fc.assert(
      fc.property(expression, (text) => {
        const canonical = canonicalSchedule(parseSchedule(text));
        expect(canonicalSchedule(parseSchedule(canonical))).toBe(canonical);
        expect(next(canonical, 'America/New_York')).toEqual(next(text, 'America/New_York'));
      }),
      settings,
    );
  });
});

/** The values between two names, in a circle. */
function between(names: string[], first: string, last: string): string[] {
  return names.slice(names.indexOf(first), names.indexOf(last) + 1);
}

/** The names that a text has, with those that "through" stands for. */
function namesIn(text: string, names: string[]): string[] {
  const name = names.join('|');
  const ranges = [...text.matchAll(new RegExp(`(${name}) through (${name})`, 'g'))];
  const single = text.match(new RegExp(name, 'g')) ?? [];
  const named = new Set([...single, ...ranges.flatMap(([, a = '', b = '']) => between(names, a, b))]);
  return names.filter((one) => named.has(one));
}

/** The numbers that a part of the words has, as values, ranges and steps. */
function numbersIn(text: string): number[] {
  const step = /every (\d+) days in a month, between day (\d+) and (\d+)/.exec(text);
  const range = /between day (\d+) and (\d+)/.exec(text);
  const spread = (first: number, last: number, by = 1) =>
    Array.from({ length: Math.floor((last - first) / by) + 1 }, (_, at) => first + at * by);
  if (step) return spread(Number(step[2]), Number(step[3]), Number(step[1]));
  if (range) return spread(Number(range[1]), Number(range[2]));
  const items = text.matchAll(/(\d+)(?: (?:through|to) (\d+))?/g);
  return [...items].flatMap(([, first, last = first]) => spread(Number(first), Number(last)));
}

const steppedNames = (words: string, unit: string, names: string[]): string[] | undefined => {
  const name = names.join('|');
  const [, by, first = '', last = ''] =
    new RegExp(`every (\\d+) ${unit}, (${name}) through (${name})`).exec(words) ?? [];
  return by === undefined ? undefined : between(names, first, last).filter((_, at) => at % Number(by) === 0);
};

/** What the words say of the days, read back. */
function daysOf(words: string) {
  const [, days = ''] =
    /((?:every \d+ days in a month, )?(?:on|between) day .*? of the month)/.exec(words) ?? [];
  return {
    days: numbersIn(days),
    weekdays: steppedNames(words, 'days of the week', WEEKDAYS) ?? namesIn(words, WEEKDAYS),
    months: steppedNames(words, 'months', MONTHS) ?? namesIn(words, MONTHS),
    isEither: words.includes(', or '),
  };
}

const restricted = <Value>(values: Value[], all: number): Value[] => (values.length === all ? [] : values);

/** The same of a schedule; a field without restriction is empty. */
function expectedOf({ days, weekdays, months }: Schedule) {
  return {
    days: restricted([...days], 31),
    weekdays: restricted(
      weekdays.map((value) => WEEKDAYS[value] ?? ''),
      7,
    ),
    months: restricted(
      months.map((value) => MONTHS[value - 1] ?? ''),
      12,
    ),
    isEither: days.length < 31 && weekdays.length < 7,
  };
}

describe('the words', () => {
  test.each([
    ['0 9 * * 4', 'At 09:00, only on Thursday'],
    ['0 9 1,15 * 1-5', 'At 09:00, on day 1 and 15 of the month, or Monday through Friday'],
    ['0 9 13 6 FRI', 'At 09:00, on day 13 of the month, or on Friday, only in June'],
    ['*/5 * * * *', 'Every 5 minutes'],
    ['*/7 * * * *', 'Every 7 minutes, minutes 0 through 56 past the hour'],
    ['0 */2 * * *', 'On the hour, every 2 hours'],
    ['7 */5 * * *', 'At 7 minutes past the hour, every 5 hours, between 00:00 and 20:59'],
    ['* 9,17 * * *', 'Every minute, during hours 9 and 17'],
    ['0,30 0-3,7 * * *', 'At 0 and 30 minutes past the hour, during hours 0 to 3 and 7'],
    ['5,7 3 * * *', 'At 5 and 7 minutes past the hour, during hour 3'],
    ['15 9,17 * * *', 'At 09:15 and 17:15'],
    ['15 9-11,17 * * *', 'At 15 minutes past the hour, during hours 9 to 11 and 17'],
    ['*/15 9-17 * * *', 'Every 15 minutes, between 09:00 and 17:59'],
    ['0 9 * * */2', 'At 09:00, only on Sunday, Tuesday, Thursday, and Saturday'],
    ['0 9 */2 * *', 'At 09:00, every 2 days in a month, between day 1 and 31 of the month'],
    ['0 0 1 */5 *', 'At 00:00, on day 1 of the month, only in January, June, and November'],
    ['0 9 1-31 * 1', 'At 09:00'],
  ])('of %s are: %s', (text, words) => {
    expect(scheduleWords(parseSchedule(text))).toBe(words);
  });

  test('name the days and months of the schedule, and whether either kind of day counts', () => {
    fc.assert(
      fc.property(expression, (text) => {
        const schedule = parseSchedule(canonicalSchedule(parseSchedule(text)));
        expect([text, daysOf(scheduleWords(schedule))]).toEqual([text, expectedOf(schedule)]);
      }),
      settings,
    );
  });

  test('have no more than 2,000 characters, nor has the canonical form more than 500', () => {
    const odd = (last: number) => Array.from({ length: last + 1 }, (_, at) => at).filter((at) => at % 3 < 2);
    const longest = [odd(59), odd(23), odd(31).slice(1), odd(12).slice(1), odd(6)].map(String).join(' ');
    const schedule = parseSchedule(longest);
    expect(canonicalSchedule(schedule).length).toBeLessThan(500);
    expect(scheduleWords(schedule).length).toBeLessThan(2_000);
  });
});
