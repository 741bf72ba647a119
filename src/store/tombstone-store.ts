import type { Collections } from './collections.ts';
import { insertOnce } from './insert-missing.ts';
import type { TaskDocument } from './task-document.ts';
import type { TombstoneDocument } from './tombstone-document.ts';

const KEPT_MS = 90 * 24 * 60 * 60 * 1_000;
/** If a task still exists this long after its tombstone was written, its deletion failed. */
const ABANDONED_MS = 60_000;

/** Stores a tombstone for each task that was deleted on request. */
export class TombstoneStore {
  readonly #tombstones: Collections['deleted_tasks'];
  readonly #tasks: Collections['tasks'];

  constructor({ deleted_tasks, tasks }: Pick<Collections, 'deleted_tasks' | 'tasks'>) {
    this.#tombstones = deleted_tasks;
    this.#tasks = tasks;
  }

  /** Records the deletion of a task. A repeated deletion makes the tombstone pending again. */
  async add({ _id, trigger_schedule_id }: Pick<TaskDocument, '_id' | 'trigger_schedule_id'>, now: Date) {
    const fields = {
      ...(typeof trigger_schedule_id === 'string' && { trigger_schedule_id }),
      deleted_at: now,
      pending: true,
      expires_at: new Date(now.getTime() + KEPT_MS),
    } as const;
    if (await insertOnce(this.#tombstones, { _id, ...fields })) return;
    await this.#tombstones.updateOne({ _id }, { $set: fields });
  }

  /**
   * Returns pending tombstones of tasks that do not exist. If a task still exists because its deletion failed, its
   * tombstone stops being pending.
   * @param limit - maximum number of tombstones to read
   */
  async pending(limit: number, now: Date): Promise<TombstoneDocument[]> {
    const options = { limit, batchSize: limit + 1 };
    const found = await this.#tombstones.find({ pending: true }, options).toArray();
    const alive = await this.#existing(found.map(({ _id }) => _id));
    for (const tombstone of found) {
      const isAbandoned = now.getTime() - tombstone.deleted_at.getTime() > ABANDONED_MS;
      if (alive.has(tombstone._id) && isAbandoned) await this.done(tombstone);
    }
    return found.filter(({ _id }) => !alive.has(_id));
  }

  /**
   * Makes a tombstone no longer pending, unless its task was deleted again since the tombstone was read. The tombstone
   * stays in the database for 90 days.
   */
  async done({ _id, deleted_at }: Pick<TombstoneDocument, '_id' | 'deleted_at'>): Promise<void> {
    await this.#tombstones.updateOne({ _id, deleted_at }, { $unset: { pending: 1 } });
  }

  /** Finds the tombstones of tasks by id in one query, pending or not. */
  async findAll(ids: string[]): Promise<Map<string, TombstoneDocument>> {
    if (ids.length === 0) return new Map();
    const found = await this.#tombstones.find({ _id: { $in: ids } }, { batchSize: ids.length + 1 }).toArray();
    return new Map(found.map((tombstone) => [tombstone._id, tombstone]));
  }

  async #existing(ids: string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const options = { projection: { _id: 1 }, batchSize: ids.length + 1 } as const;
    const found = await this.#tasks.find({ _id: { $in: ids } }, options).toArray();
    return new Set(found.map(({ _id }) => _id));
  }
}
