import { rawOf } from './bson-writer.ts';
import { type IndexInfo, isUsable, namespaceOf } from './catalog.ts';
import type { GroupFilter } from './filter.ts';
import { discardIndex } from './index-build.ts';
import type { Store } from './store.ts';
import { writeMany } from './writes.ts';

export interface EngineLog {
  warn(obj: object, msg: string): void;
  error(obj: object, msg: string): void;
}

/** Interval at which the janitor deletes expired documents. MongoDB uses the same interval. */
const TTL_INTERVAL_MS = 60_000;
/** Maximum number of keys of dropped data to delete in one commit. */
const TRASH_CHUNK = 1000;

/** Deletes the data of dropped collections and indexes, and expired documents, in the background. */
export class Janitor {
  readonly #store: Store;
  readonly #log: EngineLog;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(store: Store, log: EngineLog) {
    this.#store = store;
    this.#log = log;
    this.#timer = setInterval(() => {
      this.#queue(async () => store.releaseDeadReaders());
      this.#queue(() => expire(store, new Date()));
    }, TTL_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Starts to delete dropped data, one chunk per commit. Call it after each drop. */
  wake(): void {
    this.#queue(async () => {
      for (const trash of this.#store.trash()) {
        while (!this.#stopped && !(await this.#store.write(() => this.#store.empty(trash, TRASH_CHUNK))))
          continue;
      }
    });
  }

  /** Stops after the current work. The next start of the engine continues unfinished deletions. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  #queue(work: () => Promise<void>): void {
    this.#running = this.#running
      .then(async () => (this.#stopped ? undefined : work()))
      .catch((error: unknown) =>
        this.#log.error({ err: error }, 'the embedded database failed to clean up and will retry later'),
      );
  }
}

/**
 * Drops what a crash left of a restore or an index build: staged collections and unfinished indexes. Also drops indexes
 * that an earlier version created and this version does not support.
 */
export async function discardUnfinished(store: Store, log: EngineLog): Promise<void> {
  await discardStaged(store);
  for (const collection of store.collections()) {
    for (const index of collection.indexes) {
      if (index.ready && isUsable(index)) continue;
      await store.write(() => discardIndex(store, collection, index.id));
      if (index.ready) {
        const named = { collection: namespaceOf(collection), index: index.name };
        log.warn(
          named,
          'dropped an index created by an earlier version: this version does not index arrays or paths such as a.b',
        );
      }
    }
  }
}

/** Deletes the documents that have expired by `now`, according to the TTL indexes. */
export async function expire(store: Store, now: Date): Promise<void> {
  for (const collection of store.collections()) {
    if (collection.db === STAGING_DATABASE) continue;
    for (const index of collection.indexes) {
      if (index.expireAfterSeconds === undefined || !index.ready) continue;
      await writeMany(store, collection, { filter: expired(index, now), sort: [], limit: 0 }, 'delete');
    }
  }
}

/** Returns a filter for expired documents. A comparison with a date matches only dates. */
function expired({ parts, expireAfterSeconds = 0 }: IndexInfo, now: Date): GroupFilter {
  const value = rawOf(new Date(now.getTime() - expireAfterSeconds * 1000));
  return {
    kind: '$and',
    filters: parts.map(({ field }) => ({ kind: 'field', field, test: { operator: '$lte', value } })),
  };
}

/** The staging database. A restore loads collections into it and then renames them. Its documents never expire. */
export const STAGING_DATABASE = '_restoring';

/** Drops the staging database that an interrupted restore has left. */
export async function discardStaged(store: Store): Promise<void> {
  const left = store.collections().filter(({ db }) => db === STAGING_DATABASE);
  if (left.length === 0) return;
  await store.write(() => {
    for (const collection of left) store.dropCollection(collection);
  });
}
