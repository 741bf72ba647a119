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

/** Interval of TTL deletions, as in MongoDB. */
const TTL_INTERVAL_MS = 60_000;
/** Number of keys deleted in one commit. */
const TRASH_CHUNK = 1000;

/** Runs background work: deletes dropped data, and documents that TTL indexes declare expired. */
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
      store.releaseDeadReaders();
      this.#queue(() => expire(store, new Date()));
    }, TTL_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Deletes dropped data in chunks, one commit each. */
  wake(): void {
    this.#queue(async () => {
      for (const trash of this.#store.trash()) {
        while (!this.#stopped && !(await this.#store.write(() => this.#store.empty(trash, TRASH_CHUNK))))
          continue;
      }
    });
  }

  /** Finishes the current work and starts no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  #queue(work: () => Promise<void>): void {
    this.#running = this.#running
      .then(async () => (this.#stopped ? undefined : work()))
      .catch((error: unknown) =>
        this.#log.error({ err: error }, 'background work of the embedded database failed'),
      );
  }
}

/**
 * Discards restores and index builds that a crash interrupted; their commands never got a reply. Also drops indexes of
 * earlier versions that this version does not support.
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
          'dropped an index on arrays or paths, which the embedded database no longer supports',
        );
      }
    }
  }
}

/** Deletes the documents that TTL indexes declare expired at `now`. */
export async function expire(store: Store, now: Date): Promise<void> {
  for (const collection of store.collections()) {
    if (collection.db === STAGING_DATABASE) continue;
    for (const index of collection.indexes) {
      if (index.expireAfterSeconds === undefined || !index.ready) continue;
      await writeMany(store, collection, { filter: expired(index, now), sort: [], limit: 0 }, 'delete');
    }
  }
}

/** Matches only dates: a comparison never matches a value of another type. */
function expired({ parts, expireAfterSeconds = 0 }: IndexInfo, now: Date): GroupFilter {
  const value = rawOf(new Date(now.getTime() - expireAfterSeconds * 1000));
  return {
    kind: '$and',
    filters: parts.map(({ field }) => ({ kind: 'field', field, test: { operator: '$lte', value } })),
  };
}

/** The database that a restore loads into before the swap. Its documents never expire. */
export const STAGING_DATABASE = '_restoring';

/** Drops the staging database of an interrupted restore. */
export async function discardStaged(store: Store): Promise<void> {
  const left = store.collections().filter(({ db }) => db === STAGING_DATABASE);
  if (left.length === 0) return;
  await store.write(() => {
    for (const collection of left) store.dropCollection(collection);
  });
}
