/** Thrown for a schedule that openapi.yaml does not allow. The message completes a sentence: `Field "schedule" …`. */
export class InvalidSchedule extends Error {}

/** A parsed cron expression: for each field, its values, ascending and without duplicates. */
export interface Schedule {
  minutes: readonly number[];
  hours: readonly number[];
  days: readonly number[];
  /** 1 is January. */
  months: readonly number[];
  /** 0 is Sunday, 6 Saturday. */
  weekdays: readonly number[];
  /** Whether the expression restricts days of the month: false only for `*`. */
  dayRestricted: boolean;
  /** Whether the expression restricts days of the week: false only for `*`. */
  weekdayRestricted: boolean;
}

/** The rules for one of the five fields of a cron expression. */
export interface Field {
  name: string;
  min: number;
  max: number;
  /** Names of the values, starting at `min`. */
  names?: string[];
  /** The values that `*` stands for. */
  all: readonly number[];
}

const valuesBetween = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);

export const MINUTE: Field = { name: 'minute', min: 0, max: 59, all: valuesBetween(0, 59) };
export const HOUR: Field = { name: 'hour', min: 0, max: 23, all: valuesBetween(0, 23) };
export const DAY: Field = { name: 'day of month', min: 1, max: 31, all: valuesBetween(1, 31) };
export const MONTH: Field = {
  name: 'month',
  min: 1,
  max: 12,
  all: valuesBetween(1, 12),
  names: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
};
export const WEEKDAY: Field = {
  name: 'day of week',
  min: 0,
  max: 7,
  all: valuesBetween(0, 6),
  names: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'],
};
const FIELDS = [MINUTE, HOUR, DAY, MONTH, WEEKDAY];

/** Length of each month in a leap year, in days. */
const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function valueOf(text: string, field: Field): number {
  const { name, min, max, names = [] } = field;
  const named = /^[a-z]+$/i.test(text) ? names.indexOf(text.toUpperCase()) : -1;
  const value = /^\d{1,2}$/.test(text) ? Number(text) : named === -1 ? Number.NaN : min + named;
  if (value >= min && value <= max) return value;
  const last = names.at(-1);
  const orNames = last === undefined ? '' : `, or ${names[0]} to ${last}`;
  throw new InvalidSchedule(`has the ${name} "${text}"; it must be from ${min} to ${max}${orNames}`);
}

/** Sets `marks[value]` for each value of an item in a field's list, e.g. `*`, `5`, `1-5` or `0-30/10`. */
function mark(item: string, field: Field, marks: boolean[]): void {
  if (!/[-/*]/.test(item)) {
    marks[valueOf(item, field)] = true;
    return;
  }
  const [range = '', stepText, ...more] = item.split('/');
  const step = stepText === undefined ? 1 : /^[1-9]\d?$/.test(stepText) ? Number(stepText) : 0;
  if (step === 0 || step > field.max || more.length > 0) {
    throw new InvalidSchedule(`has the step "${item}" for the ${field.name}; a step is /1 to /${field.max}`);
  }
  let first = field.min;
  let last = field.max;
  if (range !== '*') {
    const [from = '', to, ...rest] = range.split('-');
    if (rest.length > 0 || (to === undefined && stepText !== undefined)) {
      throw new InvalidSchedule(`has "${item}" for the ${field.name}; a step follows * or a range a-b`);
    }
    first = valueOf(from, field);
    last = to === undefined ? first : valueOf(to, field);
  }
  if (first > last) {
    throw new InvalidSchedule(`has the range "${range}" for the ${field.name}; the lower value comes first`);
  }
  for (let value = first; value <= last; value += step) marks[value] = true;
}

function valuesOf(text: string, field: Field): readonly number[] {
  if (text === '*') return field.all;
  const marks: boolean[] = [];
  for (const item of text.split(',')) mark(item, field, marks);
  // Both 0 and 7 are Sunday.
  if (field === WEEKDAY && marks[field.max]) marks[0] = true;
  return field.all.filter((value) => marks[value]);
}

/**
 * Whether a schedule fires within eight years, the longest gap between two leap days. A schedule that restricts days of
 * the week fires in each of its months. Otherwise, one of its months must be long enough for one of its days.
 */
function fires({ days, months, weekdayRestricted }: Schedule): boolean {
  const [firstDay = Infinity] = days;
  return weekdayRestricted || months.some((month) => firstDay <= (LONGEST_MONTHS[month - 1] ?? 0));
}

/**
 * Parses a cron expression by the rules in openapi.yaml (CreateTaskRequest.schedule).
 * @throws InvalidSchedule if the expression breaks these rules or never fires
 */
export function parseSchedule(expression: string): Schedule {
  const fields = expression.trim().split(/[ \t]+/);
  if (fields.length !== FIELDS.length) {
    const names = FIELDS.map(({ name }) => name).join(', ');
    throw new InvalidSchedule(`has ${fields.length} fields; it must have 5: ${names}`);
  }
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields;
  const schedule: Schedule = {
    minutes: valuesOf(minute, MINUTE),
    hours: valuesOf(hour, HOUR),
    days: valuesOf(day, DAY),
    months: valuesOf(month, MONTH),
    weekdays: valuesOf(weekday, WEEKDAY),
    dayRestricted: day !== '*',
    weekdayRestricted: weekday !== '*',
  };
  if (!fires(schedule)) throw new InvalidSchedule('never fires: its days do not occur in its months');
  return schedule;
}
