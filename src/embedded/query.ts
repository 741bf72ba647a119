import type { Transaction } from 'lmdb';
import type { Collection } from './catalog.ts';
import { CommandError } from './errors.ts';
import type { GroupFilter } from './query-tree.ts';
import type { KeyPart } from './index-keys.ts';
import { type Cover, coverOf } from './cover.ts';
import { compileFilter } from './matcher.ts';
import { type Hint, type Plan, makePlan } from './planner.ts';
import type { Projection } from './projection.ts';
import type { RawValue } from './raw-bson.ts';
import { type Found, Scan } from './scan.ts';
import { Sorter } from './sorter.ts';
import type { Store } from './store.ts';
import { isTurnOver, nextTurn } from '../turns.ts';

export interface QueryRequest {
  readonly filter: GroupFilter;
  readonly sort: readonly KeyPart[];
  readonly skip: number;
  /** 0: no limit */
  readonly limit: number;
  readonly hint?: Hint | undefined;
  /** What is wanted of the documents; undefined: all. */
  readonly projection?: Projection | undefined;
  /** Milliseconds since the epoch after which the query fails with 50. */
  readonly deadlineAt?: number | undefined;
}

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
  #sorted: Generator<Found, void, void> | undefined;

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
   * Hands matching documents, projected, to `take` until it returns false or there are no more; lets others run in between.
   * @returns true when there are no more
   * @throws CommandError 50 past the deadline, 175 if the collection is gone, 292 if a sort needs too much memory
   */
  async forEach(take: (found: Found) => boolean): Promise<boolean> {
    this.#checkPlan();
    if (this.#left === 0) return true;
    const snapshot = this.#store.snapshot();
    try {
      const cover = this.cover();
      const project = cover ? undefined : this.#request.projection;
      const documents = this.#documents(snapshot, cover);
      for (;;) {
        const next = documents.next();
        if (next.done) return true;
        if (next.value && this.#accept() && !take(projected(next.value, project))) return this.#left === 0;
        if (this.#left === 0) return true;
        if (!isTurnOver()) continue;
        this.#checkDeadline();
        await nextTurn();
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
    for (const found of this.#documents(undefined, undefined)) {
      if (found && this.#accept()) return found;
      if (this.scan.keysExamined + this.scan.docsExamined > budget) return 'busy';
    }
    return undefined;
  }

  /** How the index alone answers the query, if it does; asked again for each batch, as others write in between. */
  cover(): Cover | undefined {
    const { plan } = this;
    if (plan.kind !== 'index') return undefined;
    const index = this.#collection.indexes.find(({ id }) => id === plan.index.id);
    return index && coverOf(plan, index, this.#request.filter, this.#request.projection);
  }

  #accept(): boolean {
    if (this.#toSkip > 0) {
      this.#toSkip -= 1;
      return false;
    }
    this.#left -= 1;
    return true;
  }

  *#documents(
    snapshot: Transaction | undefined,
    cover: Cover | undefined,
  ): Generator<Found | undefined, void, void> {
    if (this.plan.sorted) {
      yield* this.scan.read(snapshot, this.#matches, cover);
      return;
    }
    if (!this.#sorted) {
      const { sort, skip, limit } = this.#request;
      const sorter = new Sorter<Found>(sort, limit > 0 ? limit + skip : Number.POSITIVE_INFINITY);
      for (const found of this.scan.read(snapshot, this.#matches)) {
        if (found) sorter.add(found);
        else yield undefined;
      }
      this.#sorted = sorter.sorted();
    }
    for (let next = this.#sorted.next(); !next.done; next = this.#sorted.next()) yield next.value;
  }

  #checkDeadline(): void {
    const { deadlineAt } = this.#request;
    if (deadlineAt !== undefined && Date.now() > deadlineAt) {
      throw new CommandError(50, 'operation exceeded time limit');
    }
  }

  /** Since the last batch others may have dropped what this search reads. */
  #checkPlan(): void {
    const { plan } = this;
    const { dropped, indexes } = this.#collection;
    if (dropped) throw new CommandError(175, 'collection dropped during the query');
    if (plan.kind === 'index' && !indexes.some(({ id }) => id === plan.index.id)) {
      throw new CommandError(175, `index '${plan.index.name}' dropped during the query`);
    }
  }
}

function projected(found: Found, project: Projection | undefined): Found {
  return project ? { record: found.record, document: project(found.document) } : found;
}
