import type { ClaimSeen, QueueClaims } from '../../store/queue-claims.ts';
import type { QueuedRun } from '../../store/queue-document.ts';
import type { Clock } from '../port.ts';
import type { StopReason } from './ending.ts';

/** How long the owner of a claim continues to execute the run if it cannot renew the claim. */
export const GIVEN_UP_MS = 20_000;
/** How long an observer must see a claim unchanged before it releases the claim. */
export const LOST_MS = 30_000;
/**
 * Maximum time between two observations of the claims. After a longer gap, previous observations are discarded, because
 * the owners may have been paused too and could not renew their claims.
 */
const LONGEST_GAP_MS = 10_000;

/** A claim of this process on a queued run. Aborts the executor if the claim is not renewed for GIVEN_UP_MS. */
export class Lease {
  readonly entry: QueuedRun;
  /** URL at which the executor can poll the work; undefined while unknown. */
  location: string | undefined;
  /** Why the executor was aborted; undefined if it was not. */
  stopped: StopReason | undefined;
  /** Whether the executor may have started. */
  isDelivered = false;
  readonly #stopping = new AbortController();
  readonly #clock: Clock;
  #cancelTimer = () => {};
  #hasEnded = false;

  constructor(entry: QueuedRun, clock: Clock, claimedAtMs: number) {
    this.entry = entry;
    this.location = entry.location;
    this.#clock = clock;
    this.#renewed(claimedAtMs);
  }

  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Aborts the executor. Only the first reason is kept. */
  stop(reason: StopReason): void {
    if (this.#hasEnded) return;
    this.stopped ??= reason;
    this.#stopping.abort();
  }

  async renew(claims: QueueClaims): Promise<void> {
    const atMs = this.#clock.monotonicMs();
    if (await claims.beat(this.entry)) this.#renewed(atMs);
    else this.stop('lease');
  }

  /** Ends the lease, so that `stop` has no effect from now on. */
  end(): void {
    this.#hasEnded = true;
    this.#cancelTimer();
  }

  #renewed(atMs: number): void {
    this.#cancelTimer();
    // The run may have ended while its lease was being renewed.
    if (this.#hasEnded) return;
    const leftMs = Math.max(0, atMs + GIVEN_UP_MS - this.#clock.monotonicMs());
    this.#cancelTimer = this.#clock.setTimeout(() => this.stop('lease'), leftMs);
  }
}

/** Finds the claims of owners that seem dead, using only this process's monotonic clock. */
export class Observation {
  #seen = new Map<string, { state: string; sinceMs: number }>();
  #observedAtMs = -Infinity;

  /**
   * Records the current claims.
   * @returns the claims that have not changed for LOST_MS
   */
  observe(claims: ClaimSeen[], nowMs: number): ClaimSeen[] {
    const before = nowMs - this.#observedAtMs > LONGEST_GAP_MS ? new Map<string, never>() : this.#seen;
    this.#observedAtMs = nowMs;
    this.#seen = new Map();
    return claims.filter(({ _id, fence, beat }) => {
      const state = `${fence} ${beat}`;
      const known = before.get(_id);
      const sinceMs = known?.state === state ? known.sinceMs : nowMs;
      this.#seen.set(_id, { state, sinceMs });
      return nowMs - sinceMs >= LOST_MS;
    });
  }
}
