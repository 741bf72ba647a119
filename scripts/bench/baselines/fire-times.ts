import { CronExpressionParser } from 'cron-parser';

const COUNT = 10;
const known = new Map<string, Date[]>();

/**
 * Returns the next ten fire times. They are cached until the first has passed, because computing them costs more than
 * the rest of a listing.
 */
export function upcoming(schedule: string, timezone: string): Date[] {
  const key = `${schedule} ${timezone}`;
  const kept = known.get(key);
  if (kept?.[0] && kept[0] > new Date()) return kept;
  const times = CronExpressionParser.parse(schedule, { tz: timezone })
    .take(COUNT)
    .map((at) => at.toDate());
  known.set(key, times);
  return times;
}
