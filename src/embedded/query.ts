import type { Transaction } from 'lmdb';
import type { Collection } from './catalog.ts';
import { CommandError } from './errors.ts';
import type { GroupFilter } from './filter.ts';
import type { KeyPart } from './index-keys.ts';
import { type Cover, coverOf } from './cover.ts';
import { compileFilter } from './matcher.ts';
import { type Plan, makePlan } from './planner.ts';
import type { Projection } from './projection.ts';
import { type RawValue, copyOf } from './raw-bson.ts';
import { type Found, Scan } from './scan.ts';
import { Sorter } from './sorter.ts';
import type { Store } from './store.ts';
import { isSliceOver, nextSlice } from '../lib/time-slices.ts';

export interface QueryRequest {
  readonly filter: GroupFilter;
  readonly sort: readonly KeyPart[];
  /** Maximum number of documents; 0 means no limit. */
  readonly limit: number;
  /** Undefined means the whole document. */
  readonly projection?: Projection | undefined;
  /** Time in milliseconds since the epoch at which the query fails with code 50; undefined for no time limit. */
  readonly deadlineAt?: number | undefined;
}

/** A query in progress: its plan, its position, and the sorted documents if the plan does not yield the sort order. */
export class Query {
  readonly plan: Plan;
  readonly scan: Scan;
  readonly #store: Store;
  readonly #collection: Collection;
  readonly #request: QueryRequest;
  readonly #matches: (document: RawValue) => boolean;
  #left: number;
  #sorted: Iterator<Found> | undefined;

  constructor(store: Store, collection: Collection, request: QueryRequest) {
    this.#store = store;
    this.#collection = collection;
    this.#request = request;
    this.plan = makePlan(collection, request);
    this.scan = new Scan(store, collection, this.plan);
    this.#matches =
      this.plan.kind === 'index' && this.plan.exact ? () => true : compileFilter(request.filter);
    this.#left = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
  }

  /**
   * Passes matching, projected documents to `take` until `take` returns false. Lets other work run in between.
   * @returns true if the query is done: no documents are left, or its limit is reached
   * @throws CommandError 50 past the deadline, 175 if the collection is dropped, 292 if a sort needs too much memory
   */
  async forEach(take: (found: Found) => boolean): Promise<boolean> {
    this.#checkPlan();
    if (this.#left === 0) return true;
    const snapshot = this.#store.snapshot();
    try {
      const { projection, deadlineAt } = this.#request;
      const documents = this.#documents(snapshot, this.cover(), projection);
      for (;;) {
        const next = documents.next();
        if (next.done) return true;
        if (next.value) {
          this.#left -= 1;
          if (!take(next.value) || this.#left === 0) return this.#left === 0;
        }
        if (!isSliceOver()) continue;
        if (deadlineAt !== undefined && Date.now() > deadlineAt)
          throw new CommandError(50, 'operation exceeded time limit');
        await nextSlice();
      }
    } finally {
      snapshot.done();
    }
  }

  /**
   * Returns the first matching document, including uncommitted changes. Call only inside Store.write(). The search
   * blocks all other writes, so it should use an index: every single-document write in src/ has an _id in its filter.
   */
  firstInWrite(): Found | undefined {
    for (const found of this.#documents(undefined)) if (found) return found;
    return undefined;
  }

  /**
   * Returns a Cover that answers the query from the index alone, or undefined if it needs documents. Call for each
   * batch: writes since the last batch may have changed the index.
   */
  cover(): Cover | undefined {
    const { plan } = this;
    if (plan.kind !== 'index') return undefined;
    const index = this.#collection.indexes.find(({ id }) => id === plan.index.id);
    return index && coverOf(plan, index, this.#request.filter, this.#request.projection);
  }

  *#documents(
    snapshot: Transaction | undefined,
    cover?: Cover,
    project: (document: RawValue) => RawValue = copyOf,
  ): Generator<Found | undefined, void, void> {
    if (this.plan.sorted) {
      yield* this.scan.read(snapshot, this.#matches, project, cover);
      return;
    }
    if (!this.#sorted) {
      const { sort, limit } = this.#request;
      const sorter = new Sorter<Found>(sort, limit > 0 ? limit : Number.POSITIVE_INFINITY);
      for (const found of this.scan.read(snapshot, this.#matches, copyOf)) {
        if (found) sorter.add(found);
        else yield undefined;
      }
      this.#sorted = sorter.sorted().values();
    }
    for (let next = this.#sorted.next(); !next.done; next = this.#sorted.next())
      yield { ...next.value, document: project(next.value.document) };
  }

  /** Throws if the collection or the plan's index was dropped since the last batch. */
  #checkPlan(): void {
    const { plan } = this;
    const { dropped, indexes } = this.#collection;
    if (dropped) throw new CommandError(175, 'collection dropped during the query');
    if (plan.kind === 'index' && !indexes.some(({ id }) => id === plan.index.id)) {
      throw new CommandError(175, `index '${plan.index.name}' dropped during the query`);
    }
  }
}
