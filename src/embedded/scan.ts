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

/** Number of documents between two points at which a caller may pause. */
const PAUSE_EVERY = 64;
const CHUNK_KEYS = 128;

/**
 * Reads the documents of a plan. Its position is a key, not an open cursor. It can thus stop anywhere and continue in
 * another snapshot after other clients' writes.
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
    this.#ranges = rangesOf(collection, plan);
  }

  /**
   * Yields the documents that pass `matches`, from where the last call stopped, and undefined where it may pause.
   * @param snapshot - undefined inside a write, to see uncommitted changes
   * @param cover - answers from keys where possible; documents are then projected
   */
  *read(
    snapshot: Transaction | undefined,
    matches: (document: RawValue) => boolean,
    cover?: Cover,
  ): Generator<Found | undefined, void, void> {
    let sincePause = 0;
    for (;;) {
      const range = this.#ranges[this.#range];
      if (!range) return;
      const keys = this.#chunk(range, snapshot);
      for (const key of keys) {
        this.#last = key;
        if (this.#plan.kind === 'index') this.keysExamined += 1;
        const record = recordOf(key);
        let document = cover ? cover.read(key) : 'unknown';
        if (document === 'unknown') {
          document = this.#fetch(record, key, snapshot);
          if (document && !matches(document)) document = undefined;
          if (document && cover) document = cover.projection(document);
        }
        if (document) yield { record, document };
        sincePause += 1;
        if (sincePause % PAUSE_EVERY === 0) yield undefined;
      }
      if (keys.length === CHUNK_KEYS) continue;
      this.#range += 1;
      this.#last = undefined;
    }
  }

  #chunk({ start, end }: KeyRange, transaction: Transaction | undefined): Buffer[] {
    const isIndex = this.#plan.kind === 'index';
    const table = isIndex ? this.#store.entries : this.#store.records;
    const options = { limit: CHUNK_KEYS, ...this.#store.readingFrom(transaction) };
    const last = this.#last;
    const way =
      isIndex && this.#plan.reverse
        ? { start: last ?? end, end: start, reverse: true, exclusiveStart: true, inclusiveEnd: true }
        : { start: last ?? start, end, exclusiveStart: last !== undefined };
    return [...table.getKeys({ ...options, ...way })];
  }

  #fetch(record: number, key: Buffer, transaction: Transaction | undefined): RawValue | undefined {
    const isIndex = this.#plan.kind === 'index';
    const at = isIndex ? recordKey(this.#collection.id, record) : key;
    const bytes = this.#store.records.get(at, transaction && { transaction });
    if (!bytes) return undefined;
    this.docsExamined += 1;
    return documentValue(bytes);
  }
}

function rangesOf(collection: Collection, plan: Plan): readonly KeyRange[] {
  if (plan.kind === 'collection') {
    return [{ start: ownerPrefix(collection.id), end: ownerPrefix(collection.id + 1) }];
  }
  return plan.reverse ? plan.ranges.toReversed() : plan.ranges;
}

/** Returns the document with a record number, or undefined. Inside a write, sees uncommitted changes. */
export function readRecord(store: Store, collection: Collection, record: number): RawValue | undefined {
  const bytes = store.records.get(recordKey(collection.id, record));
  return bytes && documentValue(bytes);
}
