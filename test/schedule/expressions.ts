/** Random cron expressions whose sets of values are known by construction, for fast-check. */
import fc from 'fast-check';
import type { Sets } from './oracle.ts';

export interface Known {
  expression: string;
  sets: Sets;
}

interface Field {
  min: number;
  max: number;
  names?: string[];
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const FIELDS = {
  minute: { min: 0, max: 59 },
  hour: { min: 0, max: 23 },
  day: { min: 1, max: 31 },
  month: { min: 1, max: 12, names: MONTHS },
  weekday: { min: 0, max: 7, names: WEEKDAYS },
} satisfies Record<string, Field>;

interface Item {
  text: string;
  values: number[];
}

const steps = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, at) => from + at * step);

/** A value as a number, with a leading zero, or by its name in any letter case. */
function spelled({ min, names }: Field, value: number, how: number): string {
  const name = names?.[value - min];
  if (how === 1) return String(value).padStart(2, '0');
  if (name !== undefined && how === 2) return name;
  if (name !== undefined && how === 3) return name.toLowerCase();
  return String(value);
}

/** One item of a list; `near` are values worth more than others. */
function item(field: Field, near: number[]): fc.Arbitrary<Item> {
  const value =
    near.length === 0
      ? fc.integer(field)
      : fc.oneof(
          { weight: 2, arbitrary: fc.constantFrom(...near) },
          { weight: 1, arbitrary: fc.integer(field) },
        );
  const how = fc.nat({ max: 4 });
  const step = fc.integer({ min: 1, max: field.max });
  const range = fc.tuple(value, value, how, how).map(([one, other, first, second]) => {
    const [from, to] = [Math.min(one, other), Math.max(one, other)];
    return { from, to, text: `${spelled(field, from, first)}-${spelled(field, to, second)}` };
  });
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(value, how)
        .map(([only, as]) => ({ text: spelled(field, only, as), values: [only] })),
    },
    {
      weight: 2,
      arbitrary: range.map(({ from, to, text }) => ({ text, values: steps(from, to, 1) })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(range, step)
        .map(([{ from, to, text }, by]) => ({ text: `${text}/${by}`, values: steps(from, to, by) })),
    },
    {
      weight: 2,
      arbitrary: step.map((by) => ({ text: `*/${by}`, values: steps(field.min, field.max, by) })),
    },
    { weight: 1, arbitrary: fc.constant({ text: '*', values: steps(field.min, field.max, 1) }) },
  );
}

/** A field: `*` alone in `stars` of ten cases, otherwise a list of up to four items, which may overlap. */
function fieldOf(field: Field, stars: number, near: number[] = []): fc.Arbitrary<Item> {
  const star = fc.constant({ text: '*', values: steps(field.min, field.max, 1) });
  const one = item(field, near);
  const list = fc.oneof(
    { weight: 3, arbitrary: one.map((only) => [only]) },
    { weight: 2, arbitrary: fc.array(one, { minLength: 2, maxLength: 4 }) },
  );
  return fc.oneof(
    { weight: stars, arbitrary: star },
    {
      weight: 10 - stars,
      arbitrary: list.map((items) => ({
        text: items.map(({ text }) => text).join(','),
        values: items.flatMap(({ values }) => values),
      })),
    },
  );
}

function known(
  fields: Record<keyof typeof FIELDS, fc.Arbitrary<Item>>,
  blanks: fc.Arbitrary<string> = fc.constantFrom(' ', ' ', ' ', '  ', '\t'),
): fc.Arbitrary<Known> {
  return fc.tuple(fc.record(fields), blanks).map(([{ minute, hour, day, month, weekday }, blank]) => ({
    expression: [minute, hour, day, month, weekday].map(({ text }) => text).join(blank),
    sets: {
      minutes: new Set(minute.values),
      hours: new Set(hour.values),
      days: new Set(day.values),
      months: new Set(month.values),
      weekdays: new Set(weekday.values.map((value) => value % 7)),
      dayRestricted: day.text !== '*',
      weekdayRestricted: weekday.text !== '*',
    },
  }));
}

/** Random expressions whose values gather around some wall times (as `wallAt` writes them). */
export function expressionsNear(walls: number[]): fc.Arbitrary<Known> {
  const near = (read: (wall: Date) => number) => [...new Set(walls.map((wall) => read(new Date(wall))))];
  const hours = near((wall) => wall.getUTCHours());
  const days = near((wall) => wall.getUTCDate());
  const months = near((wall) => wall.getUTCMonth() + 1);
  const weekdays = near((wall) => wall.getUTCDay());
  return known({
    minute: fieldOf(FIELDS.minute, 0, [0, 15, 30, 45, 59]),
    hour: fieldOf(FIELDS.hour, 2, hours),
    day: fieldOf(FIELDS.day, 5, days),
    month: fieldOf(FIELDS.month, 6, months),
    weekday: fieldOf(FIELDS.weekday, 5, weekdays),
  });
}

/** Random expressions of a single time a day, on days that are often rare: 29 February, the 31st. */
export const sparseExpressions: fc.Arbitrary<Known> = known({
  minute: fc.constantFrom(0, 30, 59).map((value) => ({ text: String(value), values: [value] })),
  hour: fc.nat({ max: 23 }).map((value) => ({ text: String(value), values: [value] })),
  day: fieldOf(FIELDS.day, 2, [1, 28, 29, 30, 31]),
  month: fieldOf(FIELDS.month, 3, [2, 4, 12]),
  weekday: fieldOf(FIELDS.weekday, 6),
});
