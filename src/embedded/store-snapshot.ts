import { join, resolve } from 'node:path';
import { type RootDatabase, type Transaction, open } from 'lmdb';
import { type CollectionRecord, decodeCollection } from './catalog.ts';
import { STORE_DIRECTORY } from './data-directory.ts';
import { afterPrefix, indexEntry, storedKey } from './index-keys.ts';
import { type RawValue, documentValue } from './raw-bson.ts';
import { STAGING_DATABASE } from './janitor.ts';
import { type Bytes, COLLECTION_PREFIX, FORMAT_KEY, LAYOUT, checkedFormat } from './store.ts';
import { checkFiles } from './store-check.ts';
import { UnusableStore } from './store-errors.ts';
import { entryPrefix, ownerPrefix, recordKey, recordOf } from './store-keys.ts';

/** Thrown if a data directory has no store. */
export class NoStore extends Error {
  constructor(path: string) {
    super(`There is no embedded database in ${path}. Set DATA_DIR to the service's data directory.`);
    this.name = 'NoStore';
  }
}

const CHUNK_KEYS = 128;

/**
 * A snapshot of the whole database, read from the files of its data directory. LMDB gives every process its own
 * snapshots, so an engine may run, write or stop meanwhile. Until close(), LMDB cannot reuse pages that the engine
 * frees, so the data file may grow.
 */
export class StoreSnapshot {
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #records: Bytes;
  readonly #entries: Bytes;
  readonly #transaction: Transaction;
  /** Number of the last commit before the snapshot. lastCommit() returns a different number after a later commit. */
  readonly openedAt: number;
  /** The collections in creation order, without those that an unfinished restore has loaded. */
  readonly collections: readonly CollectionRecord[];

  private constructor(root: RootDatabase<Buffer, Buffer>, path: string) {
    const table = (name: string): Bytes => {
      const found: Bytes | undefined = root.openDB({ name, encoding: 'binary', keyEncoding: 'binary' });
      if (!found) throw new Error(`it has no table "${name}"`);
      return found;
    };
    this.#root = root;
    const meta = table('meta');
    this.#records = table('records');
    this.#entries = table('entries');
    this.openedAt = this.lastCommit();
    // lastCommit() has begun a read transaction, perhaps on an older commit; begin a new one.
    root.resetReadTxn();
    this.#transaction = root.useReadTransaction();
    const transaction = this.#transaction;
    checkedFormat(meta.get(Buffer.from(FORMAT_KEY), { transaction }) ?? Buffer.from('{}'), path);
    this.collections = [...this.#recordsOf(meta)]
      .filter(({ db }) => db !== STAGING_DATABASE)
      .toSorted((left, right) => left.id - right.id);
  }

  /**
   * Opens the store of a data directory read-only. A process may have one snapshot at a time.
   * @throws NoStore if the directory has no store
   * @throws UnusableStore if the store is damaged, cannot be opened, or has a newer format
   */
  static async open(dataDir: string): Promise<StoreSnapshot> {
    const path = join(resolve(dataDir), STORE_DIRECTORY);
    let root: RootDatabase<Buffer, Buffer> | undefined;
    try {
      if (!(await checkFiles(path, { readOnly: true }))) throw new NoStore(resolve(dataDir));
      root = open({ path, ...LAYOUT, readOnly: true });
      return new StoreSnapshot(root, path);
    } catch (error) {
      await root?.close();
      if (error instanceof UnusableStore || error instanceof NoStore) throw error;
      throw new UnusableStore(path, error);
    }
  }

  *#recordsOf(meta: Bytes): Generator<CollectionRecord> {
    const start = Buffer.from(COLLECTION_PREFIX);
    const end = Buffer.from(`${COLLECTION_PREFIX}\u{10ffff}`);
    for (const { value } of meta.getRange({ start, end, transaction: this.#transaction })) {
      yield decodeCollection(value.toString());
    }
  }

  count({ id }: CollectionRecord): number {
    return this.#records.getKeysCount({
      start: ownerPrefix(id),
      end: ownerPrefix(id + 1),
      transaction: this.#transaction,
    });
  }

  /** Yields the documents of a collection as BSON, in insertion order. */
  *documents({ id }: CollectionRecord): Generator<Buffer, void, void> {
    const transaction = this.#transaction;
    const end = ownerPrefix(id + 1);
    let last: Buffer | undefined;
    for (;;) {
      const start = last ?? ownerPrefix(id);
      const range = { start, end, exclusiveStart: last !== undefined, limit: CHUNK_KEYS, transaction };
      const keys = [...this.#records.getKeys(range)];
      for (const key of keys) {
        const document = this.#records.get(key, { transaction });
        if (!document) throw new Error('a record key in the snapshot has no document');
        yield document;
      }
      if (keys.length < CHUNK_KEYS) return;
      last = keys.at(-1);
    }
  }

  /** Returns the collection's document with the same _id as `other`, or undefined. */
  find({ id, indexes: [idIndex] }: CollectionRecord, other: RawValue): Buffer | undefined {
    const transaction = this.#transaction;
    if (!idIndex) throw new Error('a collection has no index on _id');
    const keyOf = (document: RawValue): Buffer => indexEntry(document, idIndex.parts).key;
    const wanted = keyOf(other);
    const start = entryPrefix(idIndex.id, storedKey(wanted));
    for (const key of this.#entries.getKeys({ start, end: afterPrefix(start), transaction })) {
      const document = this.#records.get(recordKey(id, recordOf(key)), { transaction });
      // The store holds only the start and a hash of a long key, so compare the whole keys.
      if (document && keyOf(documentValue(document)).equals(wanted)) return document;
    }
    return undefined;
  }

  /** Returns the number of the latest commit of any process, even if it is newer than the snapshot. */
  lastCommit(): number {
    const stats: { lastTxnId?: unknown } = this.#root.getStats();
    if (typeof stats.lastTxnId !== 'number')
      throw new Error(`expected lmdb's lastTxnId to be a number, got ${typeof stats.lastTxnId}`);
    return stats.lastTxnId;
  }

  async close(): Promise<void> {
    this.#transaction.done();
    await this.#root.close();
  }
}
