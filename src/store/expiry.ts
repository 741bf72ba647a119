import type { RunError } from '../../generated/types.gen.ts';
import type { RunStore } from './run-store.ts';
import type { ClaimSeen, QueueClaims } from './queue-claims.ts';

/** openapi.yaml, Run.expiredAt. */
const EXPIRED_MS = 24 * 60 * 60 * 1_000;

/** Whether a run that was due at an instant, and did not start, has expired. */
export const isExpired = (dueAt: Date, now: Date): boolean => now.getTime() - dueAt.getTime() > EXPIRED_MS;

export const EXPIRED: RunError = {
  name: 'Expired',
  message: 'No engine started the run within 24 hours after it was due.',
};

/**
 * Ends the runs that no engine executes, such as after the engine was removed. Every copy of the service calls it every ten
 * minutes, whether it has an engine or not.
 */
export class Expiry {
  readonly #claims: QueueClaims;
  readonly #runs: RunStore;
  #claimed: ClaimSeen[] = [];

  constructor({ claims, runs }: { claims: QueueClaims; runs: RunStore }) {
    this.#claims = claims;
    this.#runs = runs;
  }

  /**
   * Cancels runs that were unclaimed for 24 hours after they were due. Releases claims that did not change since the call
   * before: their owners are dead.
   * @returns the number of canceled runs
   */
  async cancelExpired(now: Date): Promise<number> {
    const unclaimed = await this.#claims.unclaimedSince(new Date(now.getTime() - EXPIRED_MS));
    for (const entry of unclaimed) {
      await this.#runs.addOwn(entry, now);
      const end = { status: 'CANCELED', error: EXPIRED, expiredAt: now, finishedAt: now } as const;
      await this.#runs.writeOwn(entry, end, now);
      await this.#claims.remove(entry);
    }
    const before = this.#claimed;
    this.#claimed = await this.#claims.claimed();
    for (const claim of this.#claimed) {
      const { _id, fence, beat } = claim;
      if (before.some((other) => other._id === _id && other.fence === fence && other.beat === beat)) {
        await this.#claims.releaseLost(claim, now);
      }
    }
    return unclaimed.length;
  }
}
