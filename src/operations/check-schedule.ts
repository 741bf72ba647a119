import { ApiError } from '../lib/errors.ts';
import { InvalidSchedule, parseSchedule } from '../schedule/cron.ts';
import { canonicalZone, nearestZones } from '../schedule/zones.ts';

/** @throws ApiError invalid_timezone, which suggests similar names */
function checkZone(timezone: string): void {
  if (canonicalZone(timezone) !== undefined) return;
  const nearest = nearestZones(timezone);
  throw new ApiError(
    'invalid_timezone',
    `Field "timezone" has the unknown time zone "${timezone}". Use an IANA name such as ${
      nearest.length > 0 ? nearest.join(', ') : 'America/New_York'
    }.`,
  );
}

/** @throws ApiError invalid_schedule, which says what is wrong */
function checkCron(schedule: string): void {
  try {
    parseSchedule(schedule);
  } catch (error) {
    if (!(error instanceof InvalidSchedule)) throw error;
    throw new ApiError(
      'invalid_schedule',
      `Field "schedule" ${error.message}. Example: "0 9 * * *" fires every day at 9:00.`,
      { cause: error },
    );
  }
}

/**
 * Checks what a schema cannot: that the schedule is valid and has a fire time, and that the time zone exists.
 * @throws ApiError invalid_schedule, invalid_timezone
 */
export function checkSchedule({ schedule, timezone }: { schedule?: string; timezone?: string }): void {
  if (timezone !== undefined) checkZone(timezone);
  if (schedule !== undefined) checkCron(schedule);
}
