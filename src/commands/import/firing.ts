import { InvalidSchedule, parseSchedule } from '../../schedule/cron.ts';
import { fireTimes } from '../../schedule/fire-times.ts';

/** Explains why this service would never run a task with this schedule and time zone; undefined if it would. */
export function whyItNeverFires(schedule: string, timezone: string, now: Date): string | undefined {
  try {
    const { done } = fireTimes(parseSchedule(schedule), timezone, now.getTime()).next();
    return done ? `its schedule "${schedule}" has no fire time` : undefined;
  } catch (error) {
    if (error instanceof InvalidSchedule) return `its schedule ${error.message}`;
    if (error instanceof RangeError) return `its time zone "${timezone}" is unknown`;
    throw error;
  }
}
