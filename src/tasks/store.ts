import type { Filter } from 'mongodb';
import type { Collections } from '../database/collections.ts';
import type { TaskDocument } from './document.ts';

/** Which tasks; every given member must match. */
export interface TaskFilter {
  id?: string;
  account_id?: string;
  artist_account_id?: string;
  /** True includes tasks whose `enabled` is null or absent. */
  enabled?: boolean;
}

/** A place in the order of listings: newest `created_at` first, ties by id ascending. */
export interface TaskPosition {
  createdAt: Date;
  id: string;
}

const LISTING_ORDER = { created_at: -1, _id: 1 } as const;

/** Tasks per round trip of a listing without limit: enough to make round trips cheap, few enough to hold in memory. */
const BATCH_SIZE = 500;

function queryOf(filter: TaskFilter, after: TaskPosition | undefined): Filter<TaskDocument> {
  const { id, enabled, ...accounts } = filter;
  const query: Filter<TaskDocument> = { ...accounts };
  if (id !== undefined) query._id = id;
  if (enabled !== undefined) query.enabled = enabled ? { $ne: false } : false;
  if (after) {
    // The first condition bounds the index scan, the second leaves out what came before among equal instants.
    query.created_at = { $lte: after.createdAt };
    query.$or = [{ created_at: { $lt: after.createdAt } }, { _id: { $gt: after.id } }];
  }
  return query;
}

/** Tasks. */
export class TaskStore {
  readonly #tasks: Collections['tasks'];

  constructor({ tasks }: Pick<Collections, 'tasks'>) {
    this.#tasks = tasks;
  }

  /**
   * The tasks that match, in the order of listings, in batches as they are read; up to 1,000 with a limit come in one.
   * @param limit the largest number of tasks; without it, all.
   */
  async *list(
    filter: TaskFilter,
    page: { after?: TaskPosition; limit?: number } = {},
  ): AsyncGenerator<TaskDocument[]> {
    const cursor = this.#tasks.find(queryOf(filter, page.after), {
      sort: LISTING_ORDER,
      limit: page.limit,
      batchSize: page.limit ?? BATCH_SIZE,
      ignoreUndefined: true,
    });
    try {
      while (await cursor.hasNext()) yield cursor.readBufferedDocuments();
    } finally {
      await cursor.close();
    }
  }

  /** Adds tasks that have not run yet. */
  async insert(tasks: Omit<TaskDocument, 'recent_runs' | 'version'>[]): Promise<void> {
    await this.#tasks.insertMany(tasks.map((task) => ({ ...task, recent_runs: [], version: 1 })));
  }
}
