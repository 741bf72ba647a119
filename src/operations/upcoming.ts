import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { parseSchedule } from '../schedule/cron.ts';
import { fireTimes } from '../schedule/fire-times.ts';

/** How many fire times a task shows (openapi.yaml, Task.upcoming). */
const COUNT = 10;

/** Unreadable schedules that are logged once. Beyond these, the log repeats the ones seen longest ago. */
const MAX_LOGGED = 1_000;

/** Computes the next fire times of stored tasks, whose schedules may be unreadable: other tools write tasks too. */
export class Upcoming {
  readonly #log: Pick<Logger, 'warn'>;
  readonly #logged = new LRUCache<string, true>({ max: MAX_LOGGED });

  constructor(log: Pick<Logger, 'warn'>) {
    this.#log = log;
  }

  /** The next ten fire times after an instant; undefined, and a warning in the log, where there are none. */
  find(schedule: string, timezone: string, afterMs: number): number[] | undefined {
    const times: number[] = [];
    for (const at of this.all(schedule, timezone, afterMs)) {
      if (times.push(at) === COUNT) break;
    }
    return times.length > 0 ? times : undefined;
  }

  /** The fire times after an instant, ascending; none, and a warning in the log, where they cannot be computed. */
  *all(schedule: string, timezone: string, afterMs: number): Generator<number, void, undefined> {
    try {
      yield* fireTimes(parseSchedule(schedule), timezone, afterMs);
    } catch (error) {
      this.#logOnce(schedule, timezone, error);
    }
  }

  #logOnce(schedule: string, timezone: string, error: unknown): void {
    const key = `${timezone} ${schedule}`; // no zone's name has a blank
    if (this.#logged.get(key)) return;
    this.#logged.set(key, true);
    this.#log.warn(
      { schedule, timezone, reason: String(error) },
      'computing the fire times of a task failed',
    );
  }
}
