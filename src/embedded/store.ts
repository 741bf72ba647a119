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
 * Version of the stored format. Increment it if earlier versions of this program could damage data that this version
 * wrote. Format 2 added `numbers` to IndexInfo (catalog.ts). Indexes that were created in format 1 lack it.
 */
export const FORMAT_VERSION = 2;
/** Keys and key prefixes of the table `meta`. */
export const FORMAT_KEY = 'format';
const COUNTER_KEY = 'counter';
export const COLLECTION_PREFIX = 'collection/';
const TRASH_PREFIX = 'trash/';

export type Bytes = Database<Buffer, Buffer>;

/** The options of lmdb's open() that define how the store's files are laid out. */
export const LAYOUT = { noSubdir: false, encoding: 'binary', keyEncoding: 'binary', maxDbs: 8 } as const;

/** Returns the stored format version. Throws UnusableStore if a newer program wrote it, Error if it is unreadable. */
export function checkedFormat(record: Buffer, path: string): number {
  const { version }: { version?: unknown } = JSON.parse(record.toString());
  if (typeof version !== 'number') throw new Error('its format version is missing or unreadable');
  if (version > FORMAT_VERSION) throw UnusableStore.newer(path, version, FORMAT_VERSION);
  return version;
}

/** The keys of a dropped collection (`records`) or index (`entries`), which the janitor deletes in chunks. */
export interface Trash {
  readonly kind: 'records' | 'entries';
  readonly id: number;
}

/**
 * Durable storage on lmdb in three tables. `meta` contains the format version, the description of each collection, and
 * the ranges of keys to delete (Trash). `records` maps (collection, record number) to documents. `entries` has the keys
 * (index, key, record number). By default (without noSync), lmdb flushes a commit to disk before write() resolves, so
 * that commits survive kill -9 and, if the disk honors flushes, power loss.
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
   * @throws UnusableStore if the store is damaged, cannot be opened, or has a newer format
   */
  static async open(path: string): Promise<Store> {
    let store: Store | undefined;
    try {
      await checkFiles(path, { readOnly: false });
      store = new Store(
        open({
          path,
          ...LAYOUT,
          // Batching creates promises that this code cannot await. If a commit failed, e.g. on a full disk, their
          // rejections would be unhandled.
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

  /** Loads the collections at start, and after a failed commit, when memory may be ahead of the disk. */
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
   * Runs `action` in the next commit, which other actions may share, and resolves when the commit is on disk. The
   * action must finish its checks before its first write: a throw does not undo its earlier writes.
   * @throws CommandError 14031 if the disk is full. All actions of the commit are then lost, with one known exception:
   *   lmdb-js has rejected a write that the next commit nevertheless included.
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
    if (!outcome) throw new CommandError(1, 'lmdb reported a commit without having run its write');
    if ('value' in outcome) return outcome.value;
    throw outcome.error;
  }

  /** Returns a read snapshot. The caller must call the snapshot's done() after its last read. */
  snapshot(): Transaction {
    return this.#root.useReadTransaction();
  }

  /**
   * Returns lmdb's options to read from a snapshot; use them at once. Without options, lmdb reads its current snapshot
   * and reuses a cursor. Creating a cursor costs more than the rest of a short read.
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

  /** Returns the collection, and creates it if it does not exist. Call only inside write(). */
  obtainCollection(db: string, name: string): Collection {
    return this.collection(db, name) ?? this.#createCollection(db, name);
  }

  #createCollection(db: string, name: string): Collection {
    const record = newCollection(db, name, this.newId(), this.newId());
    const collection = { ...record, nextRecord: 1, dropped: false };
    this.#putCollection(collection);
    return collection;
  }

  /** Replaces the list of the collection's indexes. Call only inside write(). */
  setIndexes(collection: Collection, indexes: readonly IndexInfo[]): void {
    // Storing the description would bring a dropped collection back.
    if (collection.dropped) return;
    collection.indexes = indexes;
    this.#putCollection(collection);
  }

  /** Drops a collection; the janitor deletes its data later. Call only inside write(). */
  dropCollection(collection: Collection): void {
    this.#meta.remove(Buffer.from(COLLECTION_PREFIX + collection.id));
    this.#collections.delete(namespaceOf(collection));
    collection.dropped = true;
    this.discard({ kind: 'records', id: collection.id });
    for (const index of collection.indexes) this.discard({ kind: 'entries', id: index.id });
  }

  /** Renames a collection without moving its data. The new name must be free. Call only inside write(). */
  renameCollection(collection: Collection, db: string, name: string): void {
    this.#collections.delete(namespaceOf(collection));
    this.#putCollection({ ...collection, db, name });
    collection.dropped = true;
  }

  countRecords({ id }: Collection): number {
    return this.records.getKeysCount({ start: ownerPrefix(id), end: ownerPrefix(id + 1) });
  }

  /** Marks a range of keys for the janitor to delete. Call only inside write(). */
  discard(trash: Trash): void {
    this.#put(`${TRASH_PREFIX}${trash.kind}/${trash.id}`, JSON.stringify(trash));
  }

  /** Returns the ranges of keys that are marked for deletion and not yet deleted. */
  trash(): readonly Trash[] {
    return [...this.#metaRange(TRASH_PREFIX)].map(([, value]): Trash => JSON.parse(value.toString()));
  }

  /** Deletes up to `count` keys of a range. Returns true if none remain. Call only inside write(). */
  empty(trash: Trash, count: number): boolean {
    const table = trash.kind === 'records' ? this.records : this.entries;
    const range = { start: ownerPrefix(trash.id), end: ownerPrefix(trash.id + 1), limit: count };
    const keys = [...table.getKeys(range)];
    for (const key of keys) table.remove(key);
    if (keys.length === count) return false;
    this.#meta.remove(Buffer.from(`${TRASH_PREFIX}${trash.kind}/${trash.id}`));
    return true;
  }

  /** Stores the format version. Call only inside write(). */
  setFormat(version: number): void {
    this.#put(FORMAT_KEY, JSON.stringify({ version }));
  }

  /** Returns an id that no collection or index has ever had. Call only inside write(). */
  newId(): number {
    this.#counter += 1;
    this.#put(COUNTER_KEY, String(this.#counter));
    return this.#counter;
  }

  /** Releases the snapshots that killed processes left open; they keep LMDB from reusing freed pages. */
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
