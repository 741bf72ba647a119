import { ApiError } from '../lib/errors.ts';
import { InvalidSchedule, checkCron } from '../schedule/cron.ts';
import { isIanaName } from '../schedule/upcoming.ts';

/**
 * Refuses what a schema cannot: a schedule that is not read, or never fires, and an unknown time zone.
 * @throws ApiError
 */
export function checkSchedule({ schedule, timezone }: { schedule?: string; timezone?: string }): void {
  if (timezone !== undefined && !isIanaName(timezone)) {
    throw new ApiError(
      'invalid_timezone',
      `Field "timezone" is not the name of a time zone; it must be one of the IANA's, such as America/New_York.`,
    );
  }
  if (schedule === undefined) return;
  try {
    checkCron(schedule);
  } catch (error) {
    if (!(error instanceof InvalidSchedule)) throw error;
    throw new ApiError('invalid_schedule', `Field "schedule" ${error.message}.`, { cause: error });
  }
}
