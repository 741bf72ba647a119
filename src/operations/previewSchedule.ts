import { canonicalSchedule } from '../schedule/canonical.ts';
import { parseSchedule } from '../schedule/cron.ts';
import { scheduleWords } from '../schedule/words.ts';
import { canonicalZone } from '../schedule/zones.ts';
import { checkSchedule } from './check-schedule.ts';
import type { Input, Reply } from './handlers.ts';
import type { Upcoming } from './upcoming.ts';

interface Dependencies {
  upcoming: Upcoming;
  now: () => Date;
}

/** Handles GET /api/schedules/preview. */
export function previewSchedule({ upcoming, now }: Dependencies) {
  return async ({ query }: Input<'previewSchedule'>): Promise<Reply<'previewSchedule'>> => {
    const { schedule, timezone = 'UTC' } = query;
    checkSchedule({ schedule, timezone });
    const parsed = parseSchedule(schedule);
    const times = upcoming.find(schedule, timezone, now().getTime()) ?? [];
    return {
      status: 200,
      body: {
        status: 'success',
        schedule: canonicalSchedule(parsed),
        timezone: canonicalZone(timezone) ?? timezone,
        words: scheduleWords(parsed),
        upcoming: times.map((at) => new Date(at).toISOString()),
      },
    };
  };
}
