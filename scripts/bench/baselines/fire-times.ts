import { CronExpressionParser } from 'cron-parser';

const COUNT = 10;
const known = new Map<string, Date[]>();

/** The next ten fire times, kept until the first has passed: computing them costs more than all else in a listing. */
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
