import type { Logger } from 'pino';
import type { RunError } from '../../generated/types.gen.ts';
import { repeat } from '../lib/repeat.ts';
import type { Collections } from './collections.ts';
import { type ClaimSeen, QueueClaims } from './queue-claims.ts';
import { endOf } from './run-end.ts';
import { RunStore } from './run-store.ts';

/** How long a run may wait for an engine after it was due, before it is canceled (docs/running-tasks.md). */
const EXPIRED_MS = 24 * 60 * 60 * 1_000;
const BETWEEN_PASSES_MS = 10 * 60 * 1_000;

/** Whether a run that has not started has waited longer than 24 hours since it was due. */
export const isExpired = (dueAt: Date, now: Date): boolean => now.getTime() - dueAt.getTime() > EXPIRED_MS;

export const EXPIRED: RunError = {
  name: 'Expired',
  message: 'No engine started the run within 24 hours after it was due.',
};

/** Cancels queued runs that no engine executes, e.g. because the engine was removed. */
export class Expiry {
  readonly #claims: QueueClaims;
  readonly #runs: RunStore;
  #claimed: ClaimSeen[] = [];

  constructor({ claims, runs }: { claims: QueueClaims; runs: RunStore }) {
    this.#claims = claims;
    this.#runs = runs;
  }

  /**
   * Cancels runs that were still unclaimed 24 hours after they were due. Also releases claims that have not changed
   * since the previous call, ten minutes earlier: their owners must be dead, because a live owner renews its claims
   * every few seconds.
   * @returns the number of canceled runs
   */
  async cancelExpired(now: Date, stop?: AbortSignal): Promise<number> {
    const before = new Date(now.getTime() - EXPIRED_MS);
    let canceled = 0;
    for (let after: string | undefined = ''; after !== undefined;) {
      const unclaimed = await this.#claims.unclaimedSince(before, after);
      for (const entry of unclaimed) {
        if (stop?.aborted) return canceled;
        const run = await this.#runs.addOwn(entry, now);
        const end = run && { ...endOf(run, 'CANCELED', EXPIRED, now), expiredAt: now };
        if (end) await this.#runs.writeOwn(entry, end, now, run);
        await this.#claims.remove(entry);
        canceled += 1;
      }
      after = unclaimed.at(-1)?._id;
    }
    const claimedBefore = this.#claimed;
    this.#claimed = await this.#claims.claimed();
    for (const claim of this.#claimed) {
      const { _id, fence, beat } = claim;
      if (claimedBefore.some((other) => other._id === _id && other.fence === fence && other.beat === beat)) {
        await this.#claims.releaseLost(claim, now);
      }
    }
    return canceled;
  }
}

/**
 * Cancels expired runs now and every ten minutes until stopped. Every copy of the service does this, even without an
 * engine, because the engine may have been removed.
 * @returns a function that stops the passes, even in the middle of one, and resolves when the current pass has ended
 */
export function cancelExpiredRuns({
  collections,
  log,
  now,
}: {
  collections: Collections;
  log: Logger;
  now: () => Date;
}): () => Promise<void> {
  const expiry = new Expiry({ claims: new QueueClaims(collections), runs: new RunStore(collections) });
  return repeat(
    async (stop) => {
      const runs = await expiry.cancelExpired(now(), stop);
      if (runs > 0) log.warn({ runs }, 'canceled runs that no engine started within 24 hours');
    },
    {
      everyMs: BETWEEN_PASSES_MS,
      onError: (error) =>
        log.error({ err: error }, 'failed to cancel expired runs; will try again in ten minutes'),
    },
  );
}
