import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { CacheStats } from '../telemetry/cache-stats.ts';
import { UnreadableSchedule, upcoming } from './upcoming.ts';

/** How many fire times a task shows (openapi.yaml, Task.upcoming). */
const COUNT = 10;

/** Distinct schedules kept; each takes about half a kilobyte. */
const MAX_SCHEDULES = 10_000;

interface Entry {
  /** The instant that `times` were computed after: nothing fires between the two. */
  from: Date;
  times: Date[];
}

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

  /** The next ten fire times after `now`; none, and a warning in the log, where the schedule cannot be read. */
  next(cron: string, timezone: string, now: Date): Date[] {
    const key = JSON.stringify([cron, timezone]);
    const entry = this.#entries.get(key);
    if (entry && entry.times.length === 0) return this.#found(entry.times);
    const known = entry && entry.from <= now ? entry.times.filter((at) => at > now) : [];
    if (entry && known.length === COUNT) return this.#found(known);
    this.#misses += 1;
    const times = this.#extend(cron, timezone, now, known);
    this.#entries.set(key, { from: now, times });
    return times;
  }

  #found(times: Date[]): Date[] {
    this.#hits += 1;
    return times;
  }

  /** How often all times that were asked for were there. */
  stats(): CacheStats {
    return { hits: this.#hits, misses: this.#misses, entries: this.#entries.size };
  }

  #extend(cron: string, timezone: string, now: Date, known: Date[]): Date[] {
    try {
      return [...known, ...upcoming(cron, timezone, known.at(-1) ?? now, COUNT - known.length)];
    } catch (error) {
      if (!(error instanceof UnreadableSchedule)) throw error;
      // Once for each schedule, as long as it is kept: the empty entry answers the next listings.
      this.#log.warn({ schedule: cron, timezone, reason: String(error.cause) }, error.message);
      return [];
    }
  }
}
