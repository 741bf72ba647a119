import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { CacheStats } from '../lib/cache-stats.ts';
import { isSliceOver, nextSlice } from '../lib/time-slices.ts';
import { UnreadableSchedule, fireTimesAfter } from './upcoming.ts';

/** How many fire times a task shows (openapi.yaml, Task.upcoming). */
const COUNT = 10;

/** Distinct schedules kept; each takes about half a kilobyte. */
const MAX_SCHEDULES = 10_000;

interface Entry {
  /** The instant that `times` were computed after: nothing fires between the two. */
  from: Date;
  times: Date[];
}

/** No zone's name has a blank. */
const keyOf = (cron: string, timezone: string): string => `${timezone} ${cron}`;

/**
 * Upcoming fire times, kept per schedule and time zone: computing ten takes milliseconds, several times what the rest of
 * a task costs. As time passes, only those that have gone by are replaced.
 */
export class FireTimes {
  readonly #entries = new LRUCache<string, Entry>({ max: MAX_SCHEDULES });
  readonly #log: Pick<Logger, 'warn'>;
  #hits = 0;
  #misses = 0;

  constructor(log: Pick<Logger, 'warn'>) {
    this.#log = log;
  }

  /** The next ten fire times after `now`, the same array as long as they are the same; undefined where they must be computed. */
  known(cron: string, timezone: string, now: Date): Date[] | undefined {
    const entry = this.#entries.get(keyOf(cron, timezone));
    if (!entry) return undefined;
    const [next] = entry.times;
    // None: it cannot be read, at any time.
    if (next !== undefined && (entry.from > now || next <= now)) return undefined;
    this.#hits += 1;
    return entry.times;
  }

  /**
   * The next ten fire times after `now`; none, and a warning in the log, where the schedule cannot be read. One can take
   * tens of milliseconds to find: other requests get their turn in between.
   */
  async compute(cron: string, timezone: string, now: Date): Promise<Date[]> {
    this.#misses += 1;
    const key = keyOf(cron, timezone);
    const entry = this.#entries.get(key);
    const times = entry && entry.from <= now ? entry.times.filter((at) => at > now) : [];
    try {
      for (const at of fireTimesAfter(cron, timezone, times.at(-1) ?? now)) {
        times.push(at);
        if (times.length >= COUNT) break;
        if (isSliceOver()) await nextSlice();
      }
    } catch (error) {
      if (!(error instanceof UnreadableSchedule)) throw error;
      // Once for each schedule, as long as it is kept: the empty entry answers the next listings.
      this.#log.warn({ schedule: cron, timezone, reason: String(error.cause) }, error.message);
      times.length = 0;
    }
    this.#entries.set(key, { from: now, times });
    return times;
  }

  /** How often all times that were asked for were there. */
  stats(): CacheStats {
    return { hits: this.#hits, misses: this.#misses, entries: this.#entries.size };
  }
}
