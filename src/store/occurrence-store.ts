import type { Filter } from 'mongodb';
import type { Collections } from './collections.ts';
import { insertOnce } from './insert-missing.ts';
import type { OccurrenceDocument } from './occurrence-document.ts';
import type { Position } from './position.ts';

/** How many days the service keeps occurrences (openapi.yaml, listOccurrences). */
const KEPT_DAYS = 90;
const DAY_MS = 24 * 60 * 60 * 1_000;

/** The outcome of a fire time, as a planner passes it to `decide`. */
export type Decision = Omit<OccurrenceDocument, '_id' | 'expires_at'>;

/** Selects occurrences. All given members must match. */
export interface OccurrenceFilter {
  task_id?: string;
  account_id?: string;
  outcome?: OccurrenceDocument['outcome'];
  /** Inclusive lower bound of the fire time. */
  from: Date;
  /** Exclusive upper bound of the fire time. */
  to?: Date;
}

/** Listing order: latest fire time first, ties by id in ascending order. */
const NEWEST_FIRST = { scheduled_at: -1, _id: 1 } as const;

function queryOf({ from, to, ...equal }: OccurrenceFilter, after?: Position): Filter<OccurrenceDocument> {
  return {
    ...equal,
    scheduled_at: { $gte: from, ...(to && { $lt: to }), ...(after && { $lte: after.createdAt }) },
    // The range above bounds the index scan. Of the items at the position's instant, `$or` keeps those that follow the
    // position.
    ...(after && { $or: [{ scheduled_at: { $lt: after.createdAt } }, { _id: { $gt: after.id } }] }),
  };
}

/** Stores the outcomes of fire times. A stored outcome never changes. */
export class OccurrenceStore {
  readonly #occurrences: Collections['occurrences'];
  readonly #runsKeptDays: number;

  /** @param runsKeptDays - how many days runs are kept; occurrences with outcome `fired` are kept no longer */
  constructor({ occurrences }: Pick<Collections, 'occurrences'>, runsKeptDays = KEPT_DAYS) {
    this.#occurrences = occurrences;
    this.#runsKeptDays = runsKeptDays;
  }

  /**
   * Stores the outcome of a fire time unless another planner has already stored one.
   * @returns the stored occurrence, written by this call or by the other planner
   */
  async decide(decision: Decision, now: Date): Promise<OccurrenceDocument> {
    const days = decision.outcome === 'fired' ? Math.min(KEPT_DAYS, this.#runsKeptDays) : KEPT_DAYS;
    const document: OccurrenceDocument = {
      ...decision,
      _id: `${decision.task_id} ${decision.scheduled_at.toISOString()}`,
      expires_at: new Date(now.getTime() + days * DAY_MS),
    };
    if (await insertOnce(this.#occurrences, document)) return document;
    return (await this.#occurrences.findOne({ _id: document._id })) ?? document;
  }

  /** Returns up to `limit` matching occurrences after a position, newest first. `limit` is at most 1,001. */
  async page(
    filter: OccurrenceFilter,
    page: { after?: Position; limit: number },
  ): Promise<OccurrenceDocument[]> {
    const { after, limit } = page;
    if (!(await this.#mayMatch(filter))) return [];
    const options = { sort: NEWEST_FIRST, limit, batchSize: limit + 1, ignoreUndefined: true };
    return this.#occurrences.find(queryOf(filter, after), options).toArray();
  }

  /**
   * Whether the task belongs to the account. Without this check, a query for another account's task would scan its
   * whole history and return nothing.
   */
  async #mayMatch({ task_id, account_id }: OccurrenceFilter): Promise<boolean> {
    if (task_id === undefined || account_id === undefined) return true;
    const options = { projection: { account_id: 1 }, sort: NEWEST_FIRST };
    return (await this.#occurrences.findOne({ task_id }, options))?.account_id === account_id;
  }
}
