import cronstrue from 'cronstrue';
import { canonicalSchedule, listOf } from './canonical.ts';
import { type Schedule, parseSchedule } from './cron.ts';

/** What cronstrue says of every minute. The words of the other fields follow it. */
const EVERY_MINUTE = 'Every minute';

const wordsOf = (expression: string): string => cronstrue.toString(expression, { use24HourTimeFormat: true });

/** The words of one field, such as `only on Thursday`; empty for `*`. */
const fieldWords = (expression: string): string =>
  wordsOf(expression).slice(EVERY_MINUTE.length).replace(/^, /, '');

/** Whether cronstrue says `at 09:00` of an hour in which a schedule fires at other minutes. */
function isMisleading(minute: string, hour: string): boolean {
  if (/^\d+$/.test(minute)) return hour.includes(',') && hour.includes('-');
  return /[,/]/.test(hour) || (minute.includes(',') && /^\d+$/.test(hour));
}

/** The words of the minutes and hours. */
function timeWords(minute: string, hour: string): string {
  if (!isMisleading(minute, hour)) return wordsOf(`${minute} ${hour} * * *`);
  const { hours } = parseSchedule(`0 ${hour} * * *`);
  const items = listOf(hours).replaceAll('-', ' to ').split(',');
  const last = items.pop() ?? '';
  const during = items.length > 0 ? `hours ${items.join(', ')} and ${last}` : `hour ${last}`;
  return `${wordsOf(`${minute} * * * *`)}, during ${during}`;
}

/**
 * Describes a schedule in English. cronstrue describes the parts: of two restricted day fields it says that both must match,
 * but a day matches where either field names it.
 */
export function scheduleWords(schedule: Schedule): string {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = canonicalSchedule(schedule).split(' ');
  const ofDay = fieldWords(`* * ${day} * *`);
  const ofWeekday = fieldWords(`* * * * ${weekday}`);
  const ofDays =
    ofDay !== '' && ofWeekday !== ''
      ? `${ofDay}, or ${ofWeekday.replace(/^only /, '')}`
      : `${ofDay}${ofWeekday}`;
  const parts = [timeWords(minute, hour), ofDays, fieldWords(`* * * ${month} *`)];
  return parts.filter((part) => part !== '').join(', ');
}
