import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultLog } from './fault-log.ts';

const EVERY_MS = 500;

/** What an event loop may be held up by at a time. */
const LIMIT_MS = 100;
/** Of so many looks one may show more, or three in all: the machine itself stands still at times. */
const LOOKS_PER_EXCESS = 100;
const ALLOWED_EXCESSES = 3;

/** Whose event loop is looked at, in one process after the other. */
export interface Looping {
  name: string;
  pid: number;
  metricsUrl: string;
  /** For how long it has waited for a processor, all together. */
  waitedMs: number;
}

/**
 * The event loops of the instances, as they tell of them on /metrics: the longest that each was held up since the last
 * look, less what the process has waited for a processor meanwhile.
 */
export class DelayWatch {
  readonly #faults: FaultLog;
  readonly #longestMs: number[] = [];
  #excesses = 0;

  constructor(faults: FaultLog) {
    this.#faults = faults;
  }

  get looks(): number {
    return this.#longestMs.length;
  }

  /** The longest that an event loop was held up in this share of the looks, in milliseconds; 1 for all of them. */
  longestMs(share: number): number {
    const ordered = this.#longestMs.toSorted((one, other) => one - other);
    return ordered[Math.ceil(share * ordered.length) - 1] ?? 0;
  }

  /** Whether event loops were held up too often. */
  get isTooMuch(): boolean {
    return this.#excesses > Math.max(ALLOWED_EXCESSES, this.looks / LOOKS_PER_EXCESS);
  }

  /** Looks until it is told to stop; what passed while the process was broken, or started, does not count. */
  async keepLooking(instance: Looping, signal: AbortSignal): Promise<void> {
    let since = performance.now();
    let pid = 0;
    let waitedMs = 0;
    while (!signal.aborted) {
      const longestMs = await longestDelay(instance.metricsUrl);
      const now = performance.now();
      const isCalm = instance.pid === pid && !this.#faults.overlaps([instance.name], since, now);
      if (longestMs !== undefined) {
        if (isCalm) this.#note(Math.max(0, longestMs - (instance.waitedMs - waitedMs)));
        waitedMs = instance.waitedMs;
        since = now;
        pid = instance.pid;
      }
      await sleep(EVERY_MS);
    }
  }

  #note(ms: number): void {
    this.#longestMs.push(ms);
    if (ms > LIMIT_MS * this.#faults.slowness) this.#excesses += 1;
  }
}

/** In milliseconds; undefined where the process does not tell. */
async function longestDelay(metricsUrl: string): Promise<number | undefined> {
  try {
    const response = await fetch(metricsUrl, { signal: AbortSignal.timeout(2_000) });
    const seconds = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(await response.text())?.[1];
    return seconds === undefined ? undefined : Number(seconds) * 1_000;
  } catch {
    return undefined;
  }
}
