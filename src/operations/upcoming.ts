import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { parseSchedule } from '../schedule/cron.ts';
import { fireTimes } from '../schedule/fire-times.ts';

/** Number of fire times in the field `upcoming` of a task (openapi.yaml, Task.upcoming). */
const COUNT = 10;

/**
 * Number of logged schedules to remember, so that the failure of each is logged once. The least recently seen are
 * forgotten first.
 */
const MAX_LOGGED = 1_000;

/**
 * Computes the fire times of stored tasks. A stored schedule may be invalid, because other tools write tasks too.
 */
export class Upcoming {
  readonly #log: Pick<Logger, 'warn'>;
  readonly #logged = new LRUCache<string, true>({ max: MAX_LOGGED });

  constructor(log: Pick<Logger, 'warn'>) {
    this.#log = log;
  }

  /** Returns the next ten fire times after an instant, in milliseconds; undefined if they cannot be computed. */
  find(schedule: string, timezone: string, afterMs: number): number[] | undefined {
    const times: number[] = [];
    for (const at of this.all(schedule, timezone, afterMs)) {
      if (times.push(at) === COUNT) break;
    }
    return times.length > 0 ? times : undefined;
  }

  /**
   * Yields the fire times after an instant, in milliseconds, ascending. If they cannot be computed, logs one warning
   * per schedule and yields none.
   */
  *all(schedule: string, timezone: string, afterMs: number): Generator<number, void, undefined> {
    try {
      yield* fireTimes(parseSchedule(schedule), timezone, afterMs);
    } catch (error) {
      this.#logOnce(schedule, timezone, error);
    }
  }

  #logOnce(schedule: string, timezone: string, error: unknown): void {
    const key = `${timezone} ${schedule}`; // names of time zones contain no spaces
    if (this.#logged.get(key)) return;
    this.#logged.set(key, true);
    this.#log.warn(
      { schedule, timezone, reason: String(error) },
      "failed to compute a task's fire times; correct its schedule or timezone",
    );
  }
}
