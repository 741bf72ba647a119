import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InvalidSchedule, type Schedule, parseSchedule } from '../../src/schedule/cron.ts';
import { fireTimes } from '../../src/schedule/fire-times.ts';

const range = (first: number, last: number, step = 1) =>
  Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, at) => first + at * step);

const EVERY_MINUTE: Schedule = {
  minutes: range(0, 59),
  hours: range(0, 23),
  days: range(1, 31),
  months: range(1, 12),
  weekdays: range(0, 6),
  dayRestricted: false,
  weekdayRestricted: false,
};

describe('a schedule that is read', () => {
  test.each<[string, Partial<Schedule>]>([
    ['* * * * *', {}],
    ['  *\t*  * * * ', {}],
    ['0 9 * * *', { minutes: [0], hours: [9] }],
    ['00 09 * * *', { minutes: [0], hours: [9] }],
    ['*/15 * * * *', { minutes: [0, 15, 30, 45] }],
    ['*/15,30 * * * *', { minutes: [0, 15, 30, 45] }],
    ['45,5,5-7 * * * *', { minutes: [5, 6, 7, 45] }],
    ['10-50/20 * * * *', { minutes: [10, 30, 50] }],
    ['10-49/20 * * * *', { minutes: [10, 30] }],
    ['*/59 * * * *', { minutes: [0, 59] }],
    ['* 0-23 * * *', {}],
    ['* */23 * * *', { hours: [0, 23] }],
    ['* * 1 * *', { days: [1], dayRestricted: true }],
    ['* * 1-31 * *', { dayRestricted: true }],
    ['* * */1 * *', { dayRestricted: true }],
    ['* * */10 * *', { days: [1, 11, 21, 31], dayRestricted: true }],
    ['* * * JAN,mar-May *', { months: [1, 3, 4, 5] }],
    ['* * * */5 *', { months: [1, 6, 11] }],
    ['* * * * 0', { weekdays: [0], weekdayRestricted: true }],
    ['* * * * 7', { weekdays: [0], weekdayRestricted: true }],
    ['* * * * 0,7', { weekdays: [0], weekdayRestricted: true }],
    ['* * * * 5-7', { weekdays: [0, 5, 6], weekdayRestricted: true }],
    ['* * * * FRI-7', { weekdays: [0, 5, 6], weekdayRestricted: true }],
    ['* * * * 1-5,3', { weekdays: range(1, 5), weekdayRestricted: true }],
    ['* * * * mon-FRI/2', { weekdays: [1, 3, 5], weekdayRestricted: true }],
    ['* * * * */2', { weekdays: [0, 2, 4, 6], weekdayRestricted: true }],
    ['* * * * */7', { weekdays: [0], weekdayRestricted: true }],
    ['* * * * 1-7/3', { weekdays: [0, 1, 4], weekdayRestricted: true }],
    ['* * * * 0-7', { weekdayRestricted: true }],
    ['* * * * *,1', { weekdayRestricted: true }],
    [
      '* * 30 2 */2',
      { days: [30], months: [2], weekdays: [0, 2, 4, 6], dayRestricted: true, weekdayRestricted: true },
    ],
    ['* * 29 2 *', { days: [29], months: [2], dayRestricted: true }],
    ['* * 31 2,12 *', { days: [31], months: [2, 12], dayRestricted: true }],
  ])('%j has its sets', (expression, fields) => {
    expect(parseSchedule(expression)).toEqual({ ...EVERY_MINUTE, ...fields });
  });

  // The whole table of errors is in test/operations/createTask.
  test.each([
    ['* * * * MONDAY', 'has the day of week "MONDAY"; it must be from 0 to 7, or SUN to SAT'],
    ['* * * * \u017fUN', 'has the day of week "\u017fUN"'],
    ['JAN * * * *', 'has the minute "JAN"; it must be from 0 to 59'],
    ['* * * MON *', 'has the month "MON"'],
    ['* * * * FRI-SUN', 'has the range "FRI-SUN" for the day of week; the lower value comes first'],
    ['* * * * */8', 'has the step "*/8" for the day of week; a step is /1 to /7'],
    ['*-5 * * * *', 'has the minute "*"'],
    ['** * * * *', 'has the minute "**"'],
    ['1-2-3 * * * *', 'has "1-2-3" for the minute'],
    ['*/5/5 * * * *', 'has the step "*/5/5" for the minute'],
    ['-5 * * * *', 'has the minute ""'],
    ['5. * * * *', 'has the minute "5."'],
    ['*\u00a0* * * *', 'has 4 fields; it must have 5'],
    ['* * 30 2 *', 'never fires'],
    ['* * 31 4,6,9,11 *', 'never fires'],
  ])('%j is not', (expression, reason) => {
    expect(() => parseSchedule(expression)).toThrow(InvalidSchedule);
    expect(() => parseSchedule(expression)).toThrow(reason);
  });
});

/** A field by the published dialect. */
function field(min: number, max: number): fc.Arbitrary<string> {
  const value = fc.integer({ min, max });
  const span = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const steps = fc.tuple(fc.oneof(span, fc.constant('*')), fc.integer({ min: 1, max }));
  const item = fc.oneof(
    { weight: 3, arbitrary: fc.constant('*') },
    { weight: 3, arbitrary: value.map(String) },
    span,
    steps.map(([of, step]) => `${of}/${step}`),
  );
  return fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => items.join(','));
}

test('what is accepted fires within eight years, and what is refused never does', () => {
  const rare = fc.oneof(field(1, 31), fc.constantFrom('29', '30', '31', '29,30', '30-31'));
  const few = fc.oneof(field(1, 12), fc.constantFrom('2', '4', '2,4,6,9,11'));
  const start = Date.UTC(2096, 2, 1);
  const end = Date.UTC(2104, 2, 1);
  fc.assert(
    fc.property(field(0, 59), field(0, 23), rare, few, field(0, 7), (minute, hour, day, month, weekday) => {
      const read = (days: string) => parseSchedule(`${minute} ${hour} ${days} ${month} ${weekday}`);
      try {
        const [next = Infinity] = fireTimes(read(day), 'Europe/Berlin', start);
        expect(next).toBeLessThan(end);
      } catch (error) {
        if (!(error instanceof InvalidSchedule)) throw error;
        expect(error.message).toContain('never fires');
        // Only the days are to blame: no date of the eight years matches.
        const { months } = read('*');
        const { days } = parseSchedule(`* * ${day} * *`);
        for (let at = start; at < end; at += 86_400_000) {
          const date = new Date(at);
          expect(months.includes(date.getUTCMonth() + 1) && days.includes(date.getUTCDate())).toBe(false);
        }
      }
    }),
    {
      numRuns: Number(process.env.PROPERTY_RUNS ?? 100),
      seed: Number(process.env.PROPERTY_SEED ?? 20_261_126),
    },
  );
});
