import type { Transaction } from 'lmdb';
import type { Collection } from './catalog.ts';
import type { Cover } from './cover.ts';
import type { KeyRange, Plan } from './planner.ts';
import { type RawValue, documentValue } from './raw-bson.ts';
import type { Store } from './store.ts';
import { ownerPrefix, recordKey, recordOf } from './store-keys.ts';

/** A stored document and its record number. */
export interface Found {
  readonly record: number;
  readonly document: RawValue;
}

/**
 * Maximum number of keys to read at once from one range (RANGE_KEYS) and from several ranges (CHUNK_KEYS). Resuming a
 * range needs a new LMDB cursor, which is slow.
 */
const RANGE_KEYS = 128;
const CHUNK_KEYS = 1_024;

/**
 * Reads the documents that a plan finds. Its position is the last key read, not an open LMDB cursor, so a scan can stop
 * anywhere and continue in a later snapshot.
 */
export class Scan {
  keysExamined = 0;
  docsExamined = 0;
  readonly #store: Store;
  readonly #collection: Collection;
  readonly #plan: Plan;
  readonly #ranges: readonly KeyRange[];
  #range = 0;
  #last: Buffer | undefined;

  constructor(store: Store, collection: Collection, plan: Plan) {
    this.#store = store;
    this.#collection = collection;
    this.#plan = plan;
    const all = { start: ownerPrefix(collection.id), end: ownerPrefix(collection.id + 1) };
    const { ranges, reverse } = plan.kind === 'index' ? plan : { ranges: [all], reverse: false };
    this.#ranges = reverse ? ranges.toReversed() : ranges;
  }

  /**
   * Continues where the last call stopped. Yields each document that passes `matches`, projected, and undefined for
   * each document that does not.
   * @param snapshot - the snapshot to read; undefined inside Store.write(), to read uncommitted changes
   * @param project - copies the fields that the query returns
   * @param cover - answers from index keys where it can; returns projected documents
   */
  *read(
    snapshot: Transaction | undefined,
    matches: (document: RawValue) => boolean,
    project: (document: RawValue) => RawValue,
    cover?: Cover,
  ): Generator<Found | undefined, void, void> {
    for (let hasMore = true; hasMore;) {
      const keys: [key: Buffer, range: number][] = [];
      hasMore = this.#readKeys(keys, snapshot);
      for (const [key, range] of keys) {
        this.#last = key;
        this.#range = range;
        if (this.#plan.kind === 'index') this.keysExamined += 1;
        const record = recordOf(key);
        let document = cover ? cover.read(key) : 'unknown';
        if (document === 'unknown') {
          const stored = this.#fetch(record, key, snapshot);
          document = stored && matches(stored) ? project(stored) : undefined;
        }
        yield document && { record, document };
      }
    }
  }

  /** Adds the next keys to `keys`, each with the number of its range. Returns whether more may follow. */
  #readKeys(keys: [key: Buffer, range: number][], transaction: Transaction | undefined): boolean {
    const isIndex = this.#plan.kind === 'index';
    const isReverse = isIndex && this.#plan.reverse;
    const table = isIndex ? this.#store.entries : this.#store.records;
    const options = { limit: RANGE_KEYS, ...this.#store.readingFrom(transaction) };
    let last = this.#last;
    for (let at = this.#range; ; at++) {
      const range = this.#ranges[at];
      if (!range) return false;
      if (keys.length >= CHUNK_KEYS) return true;
      const { start, end } = range;
      const way = isReverse
        ? { start: last ?? end, end: start, reverse: true, exclusiveStart: true, inclusiveEnd: true }
        : { start: last ?? start, end, exclusiveStart: last !== undefined };
      const found = [...table.getKeys({ ...options, ...way })];
      for (const key of found) keys.push([key, at]);
      if (found.length === RANGE_KEYS) return true;
      last = undefined;
    }
  }

  /** Returns a stored document without copying it. lmdb overwrites its bytes at the next read. */
  #fetch(record: number, key: Buffer, transaction: Transaction | undefined): RawValue | undefined {
    const at = this.#plan.kind === 'index' ? recordKey(this.#collection.id, record) : key;
    const bytes = this.#store.records.getBinaryFast(at, transaction && { transaction });
    if (!bytes) return undefined;
    this.docsExamined += 1;
    return documentValue(bytes);
  }
}

/** Returns the document with a record number, or undefined. Inside Store.write(), reads uncommitted changes. */
export function readRecord(store: Store, collection: Collection, record: number): RawValue | undefined {
  const bytes = store.records.get(recordKey(collection.id, record));
  return bytes && documentValue(bytes);
}
