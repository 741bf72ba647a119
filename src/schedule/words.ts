import cronstrue from 'cronstrue';
import { canonicalSchedule, listOf } from './canonical.ts';
import type { Schedule } from './cron.ts';

/** What cronstrue says of every minute. The words of the other fields follow it. */
const EVERY_MINUTE = 'Every minute';

const wordsOf = (expression: string): string => cronstrue.toString(expression, { use24HourTimeFormat: true });

/** The words of one field, such as `only on Thursday`; empty for `*`. */
const fieldWords = (expression: string): string =>
  wordsOf(expression).slice(EVERY_MINUTE.length).replace(/^, /, '');

/** The words of the minutes and hours. */
function timeWords(minute: string, hour: string, { minutes, hours }: Schedule): string {
  const isList = hour.includes(',');
  // Of `* 9,17`, cronstrue would say that it fires every minute at 09:00 and 17:00.
  const isUnclear = minutes.length > 1 ? isList || hour.includes('/') : isList && hour.includes('-');
  if (!isUnclear) return wordsOf(`${minute} ${hour} * * *`);
  const items = listOf(hours).replaceAll('-', ' to ').split(',');
  const last = items.pop() ?? '';
  return `${wordsOf(`${minute} * * * *`)}, during hours ${items.join(', ')} and ${last}`;
}

/**
 * Describes a schedule in English.
 *
 * cronstrue describes the parts. It calls two restricted day fields a day of the month and a weekday, but a day matches
 * where either field names it.
 */
export function scheduleWords(schedule: Schedule): string {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = canonicalSchedule(schedule).split(' ');
  const ofDay = fieldWords(`* * ${day} * *`);
  const ofWeekday = fieldWords(`* * * * ${weekday}`);
  const ofDays =
    ofDay !== '' && ofWeekday !== ''
      ? `${ofDay}, or ${ofWeekday.replace(/^only /, '')}`
      : `${ofDay}${ofWeekday}`;
  const parts = [timeWords(minute, hour, schedule), ofDays, fieldWords(`* * * ${month} *`)];
  return parts.filter((part) => part !== '').join(', ');
}
