import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultLog } from './fault-log.ts';

const EVERY_MS = 500;

/** Maximum acceptable delay of an event loop. */
const LIMIT_MS = 100;
/** One in this many looks, or three in all, may exceed the limit, because the machine itself stalls at times. */
const LOOKS_PER_EXCESS = 100;
const ALLOWED_EXCESSES = 3;

/** An instance whose event loop is watched across restarts. */
export interface Looping {
  name: string;
  pid: number;
  metricsUrl: string;
  /** Total time that the process has waited for a processor. */
  waitedMs: number;
}

/**
 * Watches the event loops of the instances by /metrics: the longest delay since the last look, minus the time that the
 * process waited for a processor.
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

  /** The delay that this share of the looks did not exceed, in milliseconds; 1 gives the maximum. */
  longestMs(share: number): number {
    const ordered = this.#longestMs.toSorted((one, other) => one - other);
    return ordered[Math.ceil(share * ordered.length) - 1] ?? 0;
  }

  /** Whether event loops were delayed too often. */
  get isTooMuch(): boolean {
    return this.#excesses > Math.max(ALLOWED_EXCESSES, this.looks / LOOKS_PER_EXCESS);
  }

  /** Looks until aborted. Ignores periods in which the process was faulty or just started. */
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

/** Returns the longest delay in milliseconds; undefined if the process does not answer. */
async function longestDelay(metricsUrl: string): Promise<number | undefined> {
  try {
    const response = await fetch(metricsUrl, { signal: AbortSignal.timeout(2_000) });
    const seconds = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(await response.text())?.[1];
    return seconds === undefined ? undefined : Number(seconds) * 1_000;
  } catch {
    return undefined;
  }
}
