import { isDuplicateKey } from '../database/failures.ts';
import type { Collections } from './collections.ts';
import type { QueuedRun } from './queue-document.ts';

/**
 * If a claim fails because a serial run of the task is executing, the task's waiting serial runs cannot be claimed for
 * this long.
 */
const SLOT_TAKEN_MS = 1_000;
/** Number of runs per batch of `unclaimedSince`. It is small because the input of each run may take up to 256 KiB. */
const UNCLAIMED = 20;

/** A claim as other processes see it. While its owner is alive, `beat` increases every few seconds. */
export type ClaimSeen = Pick<QueuedRun, '_id' | 'task_id' | 'owner' | 'fence' | 'beat' | 'cancel'>;

const CLAIM_SEEN = { task_id: 1, owner: 1, fence: 1, beat: 1, cancel: 1 } as const;

/** Earliest due run first; ties by fire time, then by id. */
const OLDEST_FIRST = { due_at: 1, scheduled_at: 1, _id: 1 } as const;

/**
 * Identifies a claim on a queue entry. A write that filters by both fields matches nothing once the entry was released
 * or claimed again.
 */
type Claim = Pick<QueuedRun, '_id' | 'fence'>;

/** Claims queued runs for workers. Every claim and every release increments the entry's fence. */
export class QueueClaims {
  readonly #queue: Collections['run_queue'];

  constructor({ run_queue }: Pick<Collections, 'run_queue'>) {
    this.#queue = run_queue;
  }

  /**
   * Claims a waiting run for a worker. Accounts take turns in order of their ids: searches the accounts after `after`
   * first, then starts over with the first account. Claims the serial runs of a task in the order in which they were
   * due.
   * @param owner - id of the worker
   * @param excluded - accounts that already use their share of the worker
   * @returns null if no run of the other accounts waits
   */
  async claimNext(
    owner: string,
    { after, excluded, now }: { after: string; excluded: string[]; now: Date },
  ): Promise<QueuedRun | null> {
    for (;;) {
      const first =
        (await this.#firstWaiting({ $gt: after, $nin: excluded }, now)) ??
        (await this.#firstWaiting({ $lte: after, $nin: excluded }, now));
      if (!first) return null;
      const { task_id, serial } = first;
      const mayBe = { task_id, serial, owner: null, not_before: { $lte: now } };
      const oldest = serial ? await this.#queue.findOne(mayBe, { sort: OLDEST_FIRST }) : first;
      const claimed = oldest && (await this.#claim(oldest, owner, now));
      if (claimed) return claimed;
    }
  }

  async #firstWaiting(
    account_id: { $gt?: string; $lte?: string; $nin: string[] },
    now: Date,
  ): Promise<QueuedRun | null> {
    return this.#queue.findOne(
      { owner: null, account_id, not_before: { $lte: now } },
      { sort: { account_id: 1, not_before: 1 } },
    );
  }

  /**
   * @returns null if another worker has already claimed the entry, or if a serial run of the task is already executing
   */
  async #claim(entry: QueuedRun, owner: string, now: Date): Promise<QueuedRun | null> {
    const { _id, fence, task_id, serial } = entry;
    try {
      return await this.#queue.findOneAndUpdate(
        { _id, fence, owner: null },
        { $set: { owner, fence: fence + 1, beat: 0, slot: serial ? task_id : _id } },
        { returnDocument: 'after' },
      );
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      await this.#queue.updateMany(
        { task_id, serial, owner: null, not_before: { $lte: now } },
        { $set: { not_before: new Date(now.getTime() + SLOT_TAKEN_MS) } },
      );
      return null;
    }
  }

  /**
   * Makes the waiting serial runs of a task claimable at once, after the executing serial run of the task has ended.
   */
  async wakeTask(task_id: string, now: Date): Promise<void> {
    // A later `not_before` is the delay of a retry; keep it.
    const soon = new Date(now.getTime() + SLOT_TAKEN_MS);
    await this.#queue.updateMany(
      { task_id, serial: true, owner: null, not_before: { $gt: now, $lte: soon } },
      { $set: { not_before: now } },
    );
  }

  /** Renews a claim. @returns false if the claim was released or removed meanwhile */
  async beat({ _id, fence }: Claim): Promise<boolean> {
    const { matchedCount } = await this.#queue.updateOne({ _id, fence }, { $inc: { beat: 1 } });
    return matchedCount === 1;
  }

  /** Returns the current claims of all processes. */
  async claimed(): Promise<ClaimSeen[]> {
    return this.#queue.find<ClaimSeen>({ owner: { $gt: '' } }, { projection: CLAIM_SEEN }).toArray();
  }

  /** Returns up to `limit` queue entries that this owner has claimed. */
  async claimedBy(owner: string, limit: number): Promise<QueuedRun[]> {
    return this.#queue.find({ owner }, { limit, batchSize: limit + 1 }).toArray();
  }

  /** Whether a cancelRun request has marked the claimed run for cancellation. */
  async isToCancel({ _id, fence }: Claim): Promise<boolean> {
    return (await this.#queue.findOne({ _id, fence, cancel: true }, { projection: { _id: 1 } })) !== null;
  }

  /** Returns the approximate number of runs that wait or execute. */
  async size(): Promise<number> {
    return this.#queue.estimatedDocumentCount();
  }

  /** Stores the URL at which the work of a claimed run can be followed, so that the next owner can follow it too. */
  async setLocation({ _id, fence }: Claim, location: string): Promise<void> {
    await this.#queue.updateOne({ _id, fence }, { $set: { location } });
  }

  /**
   * Releases a claim, so that another worker can claim the run from `not_before` on. Keeps the location of the work for
   * the next owner unless the work has ended.
   */
  async release(
    { _id, fence }: Claim,
    { workEnded, ...changes }: Pick<QueuedRun, 'not_before' | 'tries'> & { workEnded: boolean },
  ): Promise<void> {
    await this.#queue.updateOne(
      { _id, fence },
      {
        $set: { ...changes, owner: null, slot: _id, fence: fence + 1 },
        ...(workEnded && { $unset: { location: 1 } }),
      },
    );
  }

  /**
   * Releases the claim of an owner that seems dead.
   * @returns false if the owner has renewed the claim, or if the claim was already released or removed
   */
  async releaseLost({ _id, fence, beat }: ClaimSeen, now: Date): Promise<boolean> {
    const { matchedCount } = await this.#queue.updateOne(
      { _id, fence, beat },
      { $set: { owner: null, slot: _id, fence: fence + 1, not_before: now } },
    );
    return matchedCount === 1;
  }

  /** Removes a claimed entry from the queue after its run has ended or was handed over to Trigger.dev. */
  async remove({ _id, fence }: Claim): Promise<void> {
    await this.#queue.deleteOne({ _id, fence });
  }

  /** Whether any run of the task waits or executes. */
  async isBusy(task_id: string): Promise<boolean> {
    return (await this.#queue.findOne({ task_id }, { projection: { _id: 1 } })) !== null;
  }

  /**
   * Returns the next batch of waiting runs that were due before an instant, in order of their ids. Omits runs that a
   * worker has tried to claim or has postponed since that instant.
   * @param after - id of the last run of the previous batch; '' for the first batch
   */
  async unclaimedSince(before: Date, after: string): Promise<QueuedRun[]> {
    const unclaimed = { owner: null, not_before: { $lt: before }, due_at: { $lt: before } };
    const options = { sort: { _id: 1 }, limit: UNCLAIMED, batchSize: UNCLAIMED + 1 } as const;
    return this.#queue.find({ ...unclaimed, _id: { $gt: after } }, options).toArray();
  }
}
