import type { ClaimSeen, QueueClaims } from '../../store/queue-claims.ts';
import type { QueuedRun } from '../../store/queue-document.ts';
import type { Clock } from '../port.ts';
import type { StopReason } from './ending.ts';

/** A claim is lost for its owner when it could not be renewed for this long. */
export const GIVEN_UP_MS = 20_000;
/** A claim is lost for others when they have seen it unchanged for this long. */
export const LOST_MS = 30_000;
/** An observer that did not look for this long may have stood still together with what it observes: it starts anew. */
const LONGEST_GAP_MS = 10_000;

/** A claim of this process. */
export class Lease {
  readonly entry: QueuedRun;
  /** Where the work can be followed. */
  location: string | undefined;
  /** Why the executor was told to stop. */
  stopped: StopReason | undefined;
  /** Whether the executor may have begun. */
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

  /** Tells the executor to stop; the first reason counts. */
  stop(reason: StopReason): void {
    this.stopped ??= reason;
    this.#stopping.abort();
  }

  async renew(claims: QueueClaims): Promise<void> {
    const atMs = this.#clock.monotonicMs();
    if (await claims.beat(this.entry)) this.#renewed(atMs);
    else this.stop('lease');
  }

  /** Stops watching the lease. */
  end(): void {
    this.#hasEnded = true;
    this.#cancelTimer();
  }

  #renewed(atMs: number): void {
    this.#cancelTimer();
    // A renewal may be answered after the end.
    if (this.#hasEnded) return;
    const leftMs = Math.max(0, atMs + GIVEN_UP_MS - this.#clock.monotonicMs());
    this.#cancelTimer = this.#clock.setTimeout(() => this.stop('lease'), leftMs);
  }
}

/** Finds the claims of owners that seem dead, by this process's monotonic clock alone. */
export class Observation {
  #seen = new Map<string, { state: string; sinceMs: number }>();
  #lookedAtMs = -Infinity;

  /** @returns the claims that did not change for a whole lease */
  look(claims: ClaimSeen[], nowMs: number): ClaimSeen[] {
    const before = nowMs - this.#lookedAtMs > LONGEST_GAP_MS ? new Map<string, never>() : this.#seen;
    this.#lookedAtMs = nowMs;
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
