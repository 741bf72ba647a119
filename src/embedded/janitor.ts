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

/** As MongoDB: expired documents are looked for once a minute. */
const TTL_INTERVAL_MS = 60_000;
/** Keys deleted in one commit. */
const TRASH_CHUNK = 1000;

/** Work in the background: emptying what was dropped, and deleting what TTL indexes declare expired. */
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

  /** Deletes what was dropped, some keys a commit. */
  wake(): void {
    this.#queue(async () => {
      for (const trash of this.#store.trash()) {
        while (!this.#stopped && !(await this.#store.write(() => this.#store.empty(trash, TRASH_CHUNK))))
          continue;
      }
    });
  }

  /** Finishes the current piece of work and starts no other. */
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
 * Discards what a crash interrupted: restores, and the building of indexes; the command for it was never answered. And
 * indexes of an earlier version's that this one does not have.
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

/** Dates only: a comparison never matches values of another type. */
function expired({ parts, expireAfterSeconds = 0 }: IndexInfo, now: Date): GroupFilter {
  const value = rawOf(new Date(now.getTime() - expireAfterSeconds * 1000));
  return {
    kind: '$and',
    filters: parts.map(({ field }) => ({ kind: 'field', field, test: { operator: '$lte', value } })),
  };
} /** The database that a restore loads into, before it replaces all others at once. Its documents never expire. */
export const STAGING_DATABASE = '_restoring';

/** Drops what an interrupted restore left. */
export async function discardStaged(store: Store): Promise<void> {
  const left = store.collections().filter(({ db }) => db === STAGING_DATABASE);
  if (left.length === 0) return;
  await store.write(() => {
    for (const collection of left) store.dropCollection(collection);
  });
}
