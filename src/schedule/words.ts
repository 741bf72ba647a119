import cronstrue from 'cronstrue';
import { canonicalSchedule, listOf } from './canonical.ts';
import type { Schedule } from './cron.ts';

/** cronstrue's text for a `*` in the first field. The text for the other fields follows it. */
const EVERY_MINUTE = 'Every minute';

const wordsOf = (expression: string): string => cronstrue.toString(expression, { use24HourTimeFormat: true });

/** Returns cronstrue's text for the only field that is not `*`, e.g. `only on Thursday`; '' if all fields are `*`. */
const fieldWords = (expression: string): string =>
  wordsOf(expression).slice(EVERY_MINUTE.length).replace(/^, /, '');

/** Whether cronstrue writes e.g. `at 09:00` for an hour in which the schedule fires at other minutes. */
function isMisleading(minute: string, hour: string): boolean {
  if (/^\d+$/.test(minute)) return hour.includes(',') && hour.includes('-');
  return /[,/]/.test(hour) || (minute.includes(',') && /^\d+$/.test(hour));
}

function timeWords(minute: string, hour: string, hours: Schedule['hours']): string {
  if (!isMisleading(minute, hour)) return wordsOf(`${minute} ${hour} * * *`);
  const items = listOf(hours).replaceAll('-', ' to ').split(',');
  const last = items.pop() ?? '';
  const during = items.length > 0 ? `hours ${items.join(', ')} and ${last}` : `hour ${last}`;
  return `${wordsOf(`${minute} * * * *`)}, during ${during}`;
}

/**
 * Describes a schedule in English. Passes each field to cronstrue separately: if both day fields are restricted,
 * cronstrue's text for the whole expression claims that both must match, but one suffices.
 */
export function scheduleWords(schedule: Schedule): string {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = canonicalSchedule(schedule).split(' ');
  const ofDay = fieldWords(`* * ${day} * *`);
  const ofWeekday = fieldWords(`* * * * ${weekday}`);
  const ofDays =
    ofDay !== '' && ofWeekday !== ''
      ? `${ofDay}, or ${ofWeekday.replace(/^only /, '')}`
      : `${ofDay}${ofWeekday}`;
  const parts = [timeWords(minute, hour, schedule.hours), ofDays, fieldWords(`* * * ${month} *`)];
  return parts.filter((part) => part !== '').join(', ');
}
