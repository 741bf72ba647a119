import { type Database, type RootDatabase, type Transaction, open } from 'lmdb';
import {
  type Collection,
  type IndexInfo,
  decodeCollection,
  encodeCollection,
  namespaceOf,
  newCollection,
} from './catalog.ts';
import { CommandError } from './errors.ts';
import { checkFiles } from './store-check.ts';
import { UnusableStore, storageError } from './store-errors.ts';
import { ownerPrefix, recordOf } from './store-keys.ts';

/**
 * Version of the stored format. Increment it if earlier versions of this program would damage the data. Format 2 records
 * the number types of each index. Indexes of format 1 stay without them.
 */
export const FORMAT_VERSION = 2;
/** Keys of the table `meta`. */
export const FORMAT_KEY = 'format';
const COUNTER_KEY = 'counter';
export const COLLECTION_PREFIX = 'collection/';
const TRASH_PREFIX = 'trash/';

export type Bytes = Database<Buffer, Buffer>;

/** LMDB options of the store's files. */
export const LAYOUT = { noSubdir: false, encoding: 'binary', keyEncoding: 'binary', maxDbs: 8 } as const;

/** Returns the version in a format record. Throws if it is unreadable, UnusableStore if this program is older. */
export function checkedFormat(record: Buffer, path: string): number {
  const { version }: { version?: unknown } = JSON.parse(record.toString());
  if (typeof version !== 'number') throw new Error('the format record is unreadable');
  if (version > FORMAT_VERSION) throw UnusableStore.newer(path, version, FORMAT_VERSION);
  return version;
}

/** A range of unused keys that the janitor deletes in chunks. */
export interface Trash {
  readonly kind: 'records' | 'entries';
  readonly id: number;
}

/**
 * Durable storage on lmdb in three tables: `meta` holds the format, the catalog and the trash; `records` holds
 * documents under (collection, record number); `entries` holds index keys under (index, key, record number). Commits
 * are flushed before they are acknowledged (lmdb's default; no noSync). They survive kill -9 and, if the disk honors
 * flushes, power loss.
 */
export class Store {
  readonly records: Bytes;
  readonly entries: Bytes;
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #meta: Bytes;
  #collections = new Map<string, Collection>();
  #counter = 0;

  private constructor(root: RootDatabase<Buffer, Buffer>) {
    this.#root = root;
    const table = (name: string): Bytes =>
      root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' });
    this.#meta = table('meta');
    this.records = table('records');
    this.entries = table('entries');
  }

  /**
   * Opens or creates the store in a directory.
   * @throws UnusableStore if it is damaged or has a newer format
   */
  static async open(path: string): Promise<Store> {
    let store: Store | undefined;
    try {
      await checkFiles(path, { readOnly: false });
      store = new Store(
        open({
          path,
          ...LAYOUT,
          // Each batch would have a promise of its own. If a commit fails, e.g. on a full disk, nobody could handle its
          // rejection.
          eventTurnBatching: false,
        }),
      );
      await store.#checkFormat(path);
      store.#load();
      return store;
    } catch (error) {
      await store?.close();
      if (error instanceof UnusableStore) throw error;
      throw new UnusableStore(path, error);
    }
  }

  async #checkFormat(path: string): Promise<void> {
    const stored = this.#meta.get(Buffer.from(FORMAT_KEY));
    if (!stored) {
      if (this.records.getKeysCount({ limit: 1 }) > 0)
        throw new Error('it has records but no format version');
      await this.write(() => this.setFormat(FORMAT_VERSION));
      return;
    }
    if (checkedFormat(stored, path) < FORMAT_VERSION) await this.write(() => this.setFormat(FORMAT_VERSION));
  }

  /** Reloads the catalog. After a failed commit, memory may be ahead of the disk. */
  #load(): void {
    const before = this.#collections;
    this.#collections = new Map();
    this.#counter = Number(this.#meta.get(Buffer.from(COUNTER_KEY))?.toString() ?? 0);
    for (const [, value] of this.#metaRange(COLLECTION_PREFIX)) {
      const record = decodeCollection(value.toString());
      const key = namespaceOf(record);
      const known = before.get(key);
      before.delete(key);
      const collection = known?.id === record.id ? known : { ...record, nextRecord: 1, dropped: false };
      collection.indexes = record.indexes;
      collection.nextRecord = Math.max(collection.nextRecord, this.#nextRecord(record.id));
      this.#collections.set(key, collection);
    }
    for (const gone of before.values()) gone.dropped = true;
  }

  #nextRecord(collection: number): number {
    const start = ownerPrefix(collection + 1);
    for (const key of this.records.getKeys({
      start,
      end: ownerPrefix(collection),
      reverse: true,
      limit: 1,
    })) {
      return recordOf(key) + 1;
    }
    return 1;
  }

  *#metaRange(start: string): Generator<[string, Buffer]> {
    const range = { start: Buffer.from(start), end: Buffer.from(`${start}\u{10ffff}`) };
    for (const { key, value } of this.#meta.getRange(range)) yield [key.toString(), value];
  }

  /**
   * Runs `action` in the next group commit and resolves when the commit is on disk. The action must check before it
   * writes: a throw does not undo its earlier writes.
   * @throws CommandError 14031 if the disk is full. The group is then lost, with one known exception: lmdb-js has
   *   rejected a write that the next commit nevertheless included.
   */
  async write<T>(action: () => T): Promise<T> {
    let outcome: { value: T } | { error: unknown } | undefined;
    try {
      await this.#root.transaction(() => {
        try {
          outcome = { value: action() };
        } catch (error) {
          outcome = { error };
        }
      });
    } catch (error) {
      this.#load();
      throw await storageError(error);
    }
    if (!outcome) throw new CommandError(1, 'the write did not run');
    if ('value' in outcome) return outcome.value;
    throw outcome.error;
  }

  /** Returns a read snapshot. Call done() on it when finished. */
  snapshot(): Transaction {
    return this.#root.useReadTransaction();
  }

  /**
   * Returns the lmdb options for an immediate read from a snapshot. Omits the option for lmdb's current snapshot: lmdb
   * then reuses a cursor, and creating one costs more than the rest of a short read.
   */
  readingFrom(snapshot: Transaction | undefined): { transaction?: Transaction } {
    if (!snapshot) return {};
    const current = this.#root.useReadTransaction();
    current.done();
    return current === snapshot ? {} : { transaction: snapshot };
  }

  collection(db: string, name: string): Collection | undefined {
    return this.#collections.get(`${db}.${name}`);
  }

  collections(): readonly Collection[] {
    return [...this.#collections.values()];
  }

  /** Inside a write: returns the collection; creates it if needed. */
  obtainCollection(db: string, name: string): Collection {
    return this.collection(db, name) ?? this.#createCollection(db, name);
  }

  #createCollection(db: string, name: string): Collection {
    const record = newCollection(db, name, this.newId(), this.newId());
    const collection = { ...record, nextRecord: 1, dropped: false };
    this.#putCollection(collection);
    return collection;
  }

  /** Inside a write: replaces the collection's indexes. */
  setIndexes(collection: Collection, indexes: readonly IndexInfo[]): void {
    collection.indexes = indexes;
    this.#putCollection(collection);
  }

  /** Inside a write: removes the collection. Its data becomes trash. */
  dropCollection(collection: Collection): void {
    this.#meta.remove(Buffer.from(COLLECTION_PREFIX + collection.id));
    this.#collections.delete(namespaceOf(collection));
    collection.dropped = true;
    this.discard({ kind: 'records', id: collection.id });
    for (const index of collection.indexes) this.discard({ kind: 'entries', id: index.id });
  }

  /** Inside a write: renames the collection; the name must be free. Documents and indexes stay in place. */
  renameCollection(collection: Collection, db: string, name: string): void {
    this.#collections.delete(namespaceOf(collection));
    this.#putCollection({ ...collection, db, name });
    collection.dropped = true;
  }

  /** Counts the documents of a collection. */
  countRecords({ id }: Collection): number {
    return this.records.getKeysCount({ start: ownerPrefix(id), end: ownerPrefix(id + 1) });
  }

  /** Inside a write: marks a range of keys for deletion. */
  discard(trash: Trash): void {
    this.#put(`${TRASH_PREFIX}${trash.kind}/${trash.id}`, JSON.stringify(trash));
  }

  /** Returns the ranges marked for deletion. */
  trash(): readonly Trash[] {
    return [...this.#metaRange(TRASH_PREFIX)].map(([, value]): Trash => JSON.parse(value.toString()));
  }

  /** Inside a write: deletes up to `count` keys of a range. Returns true if none remain. */
  empty(trash: Trash, count: number): boolean {
    const table = trash.kind === 'records' ? this.records : this.entries;
    const range = { start: ownerPrefix(trash.id), end: ownerPrefix(trash.id + 1), limit: count };
    const keys = [...table.getKeys(range)];
    for (const key of keys) table.remove(key);
    if (keys.length === count) return false;
    this.#meta.remove(Buffer.from(`${TRASH_PREFIX}${trash.kind}/${trash.id}`));
    return true;
  }

  /** Inside a write: stores the format version. */
  setFormat(version: number): void {
    this.#put(FORMAT_KEY, JSON.stringify({ version }));
  }

  /** Inside a write: returns a number that was never used before, for a collection or an index. */
  newId(): number {
    this.#counter += 1;
    this.#put(COUNTER_KEY, String(this.#counter));
    return this.#counter;
  }

  /** Releases snapshots of killed processes, which would keep LMDB from reusing pages. */
  releaseDeadReaders(): void {
    this.#root.readerCheck();
  }

  /** Waits for running commits and closes the files. */
  async close(): Promise<void> {
    await this.#root.close();
  }

  #putCollection(collection: Collection): void {
    this.#collections.set(namespaceOf(collection), collection);
    this.#put(COLLECTION_PREFIX + collection.id, encodeCollection(collection));
  }

  #put(key: string, value: string): void {
    this.#meta.put(Buffer.from(key), Buffer.from(value));
  }
}
