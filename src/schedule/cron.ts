/** A schedule that openapi.yaml does not allow; the message says which field is wrong, and what would be right. */
export class InvalidSchedule extends Error {}

interface Field {
  name: string;
  min: number;
  max: number;
  /** Names of the values from `min` on. */
  names?: string[];
}

const MINUTE: Field = { name: 'minute', min: 0, max: 59 };
const HOUR: Field = { name: 'hour', min: 0, max: 23 };
const DAY: Field = { name: 'day of month', min: 1, max: 31 };
const MONTH: Field = {
  name: 'month',
  min: 1,
  max: 12,
  names: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
};
const WEEKDAY: Field = {
  name: 'day of week',
  min: 0,
  max: 7,
  names: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'],
};
const FIELDS = [MINUTE, HOUR, DAY, MONTH, WEEKDAY];

/** The longest that each month can be. */
const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function valueOf(text: string, field: Field): number {
  const { name, min, max, names = [] } = field;
  const named = names.indexOf(text.toUpperCase());
  const value = named === -1 ? (/^\d{1,2}$/.test(text) ? Number(text) : Number.NaN) : min + named;
  if (value >= min && value <= max) return value;
  const last = names.at(-1);
  const orNames = last === undefined ? '' : `, or ${names[0]} to ${last}`;
  throw new InvalidSchedule(`has the ${name} "${text}"; it must be from ${min} to ${max}${orNames}`);
}

/** The values of one item of a list, such as `*`, `5`, `1-5`, `0-30/10`. */
function valuesOf(item: string, field: Field): number[] {
  const [range = '', stepText, ...more] = item.split('/');
  const step = stepText === undefined ? 1 : /^[1-9]\d?$/.test(stepText) ? Number(stepText) : 0;
  if (step === 0 || step > field.max || more.length > 0) {
    throw new InvalidSchedule(`has the step "${item}" for the ${field.name}; a step is /1 to /${field.max}`);
  }
  const [from = '', to, ...rest] = range === '*' ? [String(field.min), String(field.max)] : range.split('-');
  if (rest.length > 0 || (to === undefined && stepText !== undefined)) {
    throw new InvalidSchedule(`has "${item}" for the ${field.name}; a step follows * or a range a-b`);
  }
  const first = valueOf(from, field);
  const last = to === undefined ? first : valueOf(to, field);
  if (first > last) {
    throw new InvalidSchedule(`has the range "${range}" for the ${field.name}; the lower value comes first`);
  }
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, at) => first + at * step);
}

/**
 * Checks a cron expression by the rule that openapi.yaml publishes (CreateTaskRequest.schedule). Costs the same for all.
 * That it fires within eight years, the longest time from one 29 February to the next, needs no search: it does if any
 * month it names can have a day it names, or if it names days of the week.
 * @throws InvalidSchedule whose message ends a sentence that begins with the field's name
 */
export function checkCron(schedule: string): void {
  const parts = schedule.trim().split(/[ \t]+/);
  if (parts.length !== FIELDS.length) {
    const names = FIELDS.map(({ name }) => name).join(', ');
    throw new InvalidSchedule(`has ${parts.length} fields; it must have 5: ${names}`);
  }
  const [, , days = [], months = []] = FIELDS.map((field, at) =>
    (parts[at] ?? '').split(',').flatMap((item) => valuesOf(item, field)),
  );
  const anyWeekday = parts[4]?.startsWith('*') ?? true;
  const possible = months.some((month) => Math.min(...days) <= (LONGEST_MONTHS[month - 1] ?? 0));
  if (anyWeekday && !possible)
    throw new InvalidSchedule('never fires: no month that it names has such a day');
}
