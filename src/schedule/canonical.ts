import { DAY, type Field, HOUR, MINUTE, MONTH, type Schedule, WEEKDAY } from './cron.ts';

/** Minimum number of values that are written as a range with a step. Fewer values are shorter and clearer as a list. */
const MIN_STEPPED = 5;
/** Minimum number of consecutive values that are written as a range. */
const MIN_RANGE = 3;

/** Returns the distance between neighboring values if it is constant; undefined otherwise. */
function stepOf(values: readonly number[]): number | undefined {
  const [first = 0, second = 0] = values;
  const step = second - first;
  return values.every((value, at) => value === first + at * step) ? step : undefined;
}

/** Formats numbers as a list of single values and ranges, e.g. `1-5,9`. */
export function listOf(values: readonly number[]): string {
  const items: string[] = [];
  for (let at = 0; at < values.length;) {
    let end = at + 1;
    while (values[end] === (values[end - 1] ?? 0) + 1) end += 1;
    if (end - at < MIN_RANGE) end = at + 1;
    items.push(end === at + 1 ? `${values[at]}` : `${values[at]}-${values[end - 1]}`);
    at = end;
  }
  return items.join(',');
}

/**
 * Formats a field's values as cron text. Uses `*` with a step only if the values stay evenly spaced across the end of the
 * hour or day.
 */
function fieldOf(values: readonly number[], field: Field): string {
  const { all } = field;
  if (values.length === all.length) return '*';
  const first = values[0];
  const step = values.length < MIN_RANGE ? undefined : stepOf(values);
  if (step === undefined || step === 1) return listOf(values);
  const isCyclic = field === MINUTE || field === HOUR;
  if (isCyclic && first === 0 && values.length * step === all.length) return `*/${step}`;
  return values.length < MIN_STEPPED ? listOf(values) : `${first}-${values.at(-1)}/${step}`;
}

/**
 * Returns the canonical form of a schedule: a cron expression with the same fire times. Schedules with the same
 * minutes, hours, months and days have the same canonical form.
 */
export function canonicalSchedule(schedule: Schedule): string {
  const { minutes, hours, days, months, weekdays, dayRestricted, weekdayRestricted } = schedule;
  const day = fieldOf(days, DAY);
  const weekday = fieldOf(weekdays, WEEKDAY);
  // If both fields are restricted, a day matches when either field matches. A field with all days matches every day.
  const isEveryDay = dayRestricted && weekdayRestricted && (day === '*' || weekday === '*');
  return [
    fieldOf(minutes, MINUTE),
    fieldOf(hours, HOUR),
    isEveryDay ? '*' : day,
    fieldOf(months, MONTH),
    isEveryDay ? '*' : weekday,
  ].join(' ');
}
