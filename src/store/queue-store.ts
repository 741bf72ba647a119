import type { Filter } from 'mongodb';
import type { Collections } from './collections.ts';
import { insertOnce } from './insert-missing.ts';
import type { QueuedRun } from './queue-document.ts';

/**
 * A manual run can be claimed this long before it is due, so that a worker whose clock is behind can claim it at once.
 * Longer than the usual clock skew between machines, but not by much: a manual run overtakes scheduled runs of its
 * account that were due up to this much earlier.
 */
const MAX_CLOCK_SKEW_MS = 10 * 60 * 1_000;

export type NewQueuedRun = Pick<
  QueuedRun,
  '_id' | 'task_id' | 'account_id' | 'trigger' | 'scheduled_at' | 'input' | 'due_at' | 'serial'
>;

/** Queues, finds and cancels runs for the API and the planner. QueueClaims (queue-claims.ts) serves the workers. */
export class QueueStore {
  readonly #queue: Collections['run_queue'];

  constructor({ run_queue }: Pick<Collections, 'run_queue'>) {
    this.#queue = run_queue;
  }

  /** Queues a run unless it is queued already. A run that is due can be claimed at once. */
  async add(run: NewQueuedRun): Promise<QueuedRun> {
    const entry: QueuedRun = {
      ...run,
      slot: run._id,
      owner: null,
      fence: 0,
      beat: 0,
      not_before: run.trigger === 'manual' ? new Date(run.due_at.getTime() - MAX_CLOCK_SKEW_MS) : run.due_at,
      tries: 0,
    };
    await insertOnce(this.#queue, entry);
    return entry;
  }

  async find(runId: string): Promise<QueuedRun | null> {
    return this.#queue.findOne({ _id: runId });
  }

  async #hasAtLeast(count: number, query: Filter<QueuedRun>): Promise<boolean> {
    const options = { projection: { _id: 1 }, limit: count, batchSize: count + 1 } as const;
    return (await this.#queue.find(query, options).toArray()).length >= count;
  }

  /** Whether at least `count` runs of the task wait to be claimed. */
  async areWaiting(count: number, taskId: string): Promise<boolean> {
    return this.#hasAtLeast(count, { task_id: taskId, owner: null });
  }

  /** Whether at least `count` runs of the account wait or execute. */
  async areQueued(count: number, accountId: string): Promise<boolean> {
    return this.#hasAtLeast(count, { account_id: accountId });
  }

  /** Returns up to `limit` waiting runs of the task, of any trigger or only of the given one. */
  async waitingOf(
    taskId: string,
    which: { trigger?: QueuedRun['trigger'] },
    limit: number,
  ): Promise<QueuedRun[]> {
    const query = { ...which, task_id: taskId, owner: null };
    return this.#queue.find(query, { limit, batchSize: limit + 1, ignoreUndefined: true }).toArray();
  }

  /**
   * Marks a run so that its worker, or the next worker to claim it, cancels it.
   * @returns the entry; null if the run is not queued or belongs to another account
   */
  async requestCancel(runId: string, accountId?: string): Promise<QueuedRun | null> {
    return this.#queue.findOneAndUpdate(
      { _id: runId, ...(accountId !== undefined && { account_id: accountId }) },
      { $set: { cancel: true } },
      { returnDocument: 'after' },
    );
  }

  /** Removes a waiting run unless it was claimed since the entry was read. */
  async removeWaiting({ _id, fence }: Pick<QueuedRun, '_id' | 'fence'>): Promise<void> {
    await this.#queue.deleteOne({ _id, fence, owner: null });
  }
}
