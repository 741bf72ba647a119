import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Transaction } from 'lmdb';
import type { Collection } from './catalog.ts';
import { CommandError } from './errors.ts';
import type { GroupFilter } from './query-tree.ts';
import type { KeyPart } from './index-keys.ts';
import { compileFilter } from './matcher.ts';
import { type Hint, type Plan, makePlan } from './planner.ts';
import type { RawValue } from './raw-bson.ts';
import { type Found, Scan } from './scan.ts';
import { Sorter } from './sorter.ts';
import type { Store } from './store.ts';

export interface QueryRequest {
  readonly filter: GroupFilter;
  readonly sort: readonly KeyPart[];
  readonly skip: number;
  /** 0: no limit */
  readonly limit: number;
  readonly hint?: Hint | undefined;
  /** Milliseconds since the epoch after which the query fails with 50. */
  readonly deadlineAt?: number | undefined;
}

/** How long a search may keep the event loop, in milliseconds. */
const SLICE_MS = 5;

/** A running find: its plan, its place and, where the plan cannot deliver in order, the sorted documents. */
export class Query {
  readonly plan: Plan;
  readonly scan: Scan;
  readonly #store: Store;
  readonly #collection: Collection;
  readonly #request: QueryRequest;
  readonly #matches: (document: RawValue) => boolean;
  #toSkip: number;
  #left: number;
  #sorted: Found[] | undefined;
  #sortedAt = 0;

  constructor(store: Store, collection: Collection, request: QueryRequest) {
    this.#store = store;
    this.#collection = collection;
    this.#request = request;
    this.plan = makePlan(collection, { ...request, hint: request.hint, limited: request.limit > 0 });
    this.scan = new Scan(store, collection, this.plan);
    this.#matches =
      this.plan.kind === 'index' && this.plan.exact ? () => true : compileFilter(request.filter);
    this.#toSkip = request.skip;
    this.#left = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
  }

  /**
   * Hands matching documents to `take` until it returns false or there are no more; lets others run in between.
   * @returns true when there are no more
   * @throws CommandError 50 past the deadline, 175 if the collection is gone, 292 if a sort needs too much memory
   */
  async forEach(take: (found: Found) => boolean): Promise<boolean> {
    if (this.#collection.dropped) throw new CommandError(175, 'collection dropped during the query');
    if (this.#left === 0) return true;
    const snapshot = this.#store.snapshot();
    try {
      const documents = this.#documents(snapshot);
      let sliceEnd = performance.now() + SLICE_MS;
      for (;;) {
        const next = documents.next();
        if (next.done) return true;
        if (next.value && this.#accept() && !take(next.value)) return this.#left === 0;
        if (this.#left === 0) return true;
        if (performance.now() < sliceEnd) continue;
        this.#checkDeadline();
        await yieldToOthers();
        sliceEnd = performance.now() + SLICE_MS;
      }
    } finally {
      snapshot.done();
    }
  }

  /**
   * Inside a write: the first matching document as the write sees it.
   * @param budget - keys to examine at most
   * @returns undefined if there is none, 'busy' if the budget did not suffice
   */
  firstInWrite(budget: number): Found | undefined | 'busy' {
    if (!this.plan.sorted && budget !== Number.POSITIVE_INFINITY) return 'busy';
    for (const found of this.#documents(undefined)) {
      if (found && this.#accept()) return found;
      if (this.scan.keysExamined + this.scan.docsExamined > budget) return 'busy';
    }
    return undefined;
  }

  #accept(): boolean {
    if (this.#toSkip > 0) {
      this.#toSkip -= 1;
      return false;
    }
    this.#left -= 1;
    return true;
  }

  *#documents(snapshot: Transaction | undefined): Generator<Found | undefined, void, void> {
    if (this.plan.sorted) {
      yield* this.scan.read(snapshot, this.#matches);
      return;
    }
    if (!this.#sorted) {
      const { sort, skip, limit } = this.#request;
      const sorter = new Sorter<Found>(sort, limit > 0 ? limit + skip : Number.POSITIVE_INFINITY);
      for (const found of this.scan.read(snapshot, this.#matches)) {
        if (found) sorter.add(found);
        else yield undefined;
      }
      this.#sorted = sorter.finish();
    }
    while (this.#sortedAt < this.#sorted.length) {
      const found = this.#sorted[this.#sortedAt];
      this.#sortedAt += 1;
      yield found;
    }
  }

  #checkDeadline(): void {
    const { deadlineAt } = this.#request;
    if (deadlineAt !== undefined && Date.now() > deadlineAt) {
      throw new CommandError(50, 'operation exceeded time limit');
    }
  }
}
