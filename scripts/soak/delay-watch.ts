import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultLog } from './fault-log.ts';

const EVERY_MS = 500;

/** Longest acceptable delay of an event loop, on a machine that is not overloaded. */
const LIMIT_MS = 100;
/**
 * One in this many measurements may exceed the limit, or ALLOWED_EXCESSES if that is more, because the machine itself
 * stalls at times.
 */
const LOOKS_PER_EXCESS = 100;
const ALLOWED_EXCESSES = 3;

/** An instance of the service whose event loop delay is measured. A restart changes its pid. */
export interface WatchedInstance {
  name: string;
  pid: number;
  metricsUrl: string;
  /** Total time for which the process was ready to run but had no processor. */
  waitedMs: number;
}

/**
 * Measures the event loop delays of the instances through their /metrics. Each measurement is the longest delay since
 * the previous one, minus the time for which the process waited for a processor.
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

  /**
   * Returns a percentile of the measured delays in milliseconds. `share` is between 0 and 1; 1 gives the longest
   * delay.
   */
  longestMs(share: number): number {
    const ordered = this.#longestMs.toSorted((one, other) => one - other);
    return ordered[Math.ceil(share * ordered.length) - 1] ?? 0;
  }

  /** Whether more measurements exceeded the limit than is acceptable. */
  get isTooMuch(): boolean {
    return this.#excesses > Math.max(ALLOWED_EXCESSES, this.looks / LOOKS_PER_EXCESS);
  }

  /**
   * Measures an instance twice a second until the signal aborts. Ignores intervals in which a fault affected the
   * instance or its process was restarted.
   */
  async keepLooking(instance: WatchedInstance, signal: AbortSignal): Promise<void> {
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

/**
 * Returns the longest event loop delay since the previous request for the metrics, in milliseconds; undefined if the
 * process does not answer.
 */
async function longestDelay(metricsUrl: string): Promise<number | undefined> {
  try {
    const response = await fetch(metricsUrl, { signal: AbortSignal.timeout(2_000) });
    const seconds = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(await response.text())?.[1];
    return seconds === undefined ? undefined : Number(seconds) * 1_000;
  } catch {
    return undefined;
  }
}
