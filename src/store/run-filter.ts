import type { Filter } from 'mongodb';
import type { RunStatus } from '../../generated/types.gen.ts';
import type { Position } from './position.ts';
import type { RunDocument } from './run-document.ts';

/** The order of run listings, and of a task's pointers to its last runs. */
export const NEWEST_FIRST = { createdAt: -1, _id: -1 } as const;

/** Selects runs. All given members must match. */
export interface RunFilter {
  account_id?: string;
  task_id?: string;
  /** Matches any of these statuses. */
  status?: RunStatus[];
  /** Inclusive lower bound of the creation instant. */
  from?: Date;
  /** Exclusive upper bound of the creation instant. */
  to?: Date;
}

/**
 * Parses a bound of a time range and rounds it up to the millisecond. Stored instants have milliseconds, so "at or
 * after" and "before" select the same runs as with the exact bound.
 */
export function boundOf(instant: string): Date {
  const milliseconds = Date.parse(instant);
  return new Date(/\.\d{3}\d*[1-9]/.test(instant) ? milliseconds + 1 : milliseconds);
}

/**
 * Returns the queries that together match the runs after a position: one per status of the filter, or a single one if
 * the filter has no statuses. Each query reads an index in listing order.
 */
export function queriesOf({ account_id, task_id, status, from, to }: RunFilter, after?: Position) {
  const query: Filter<RunDocument> = {
    ...(account_id !== undefined && { account_id }),
    ...(task_id !== undefined && { task_id }),
  };
  const range = {
    ...(from && { $gte: from }),
    ...(to && { $lt: to }),
    // The range bounds the index scan. Of the items at the position's instant, `$or` keeps those that follow the
    // position.
    ...(after && { $lte: after.createdAt }),
  };
  if (Object.keys(range).length > 0) query.createdAt = range;
  if (after) query.$or = [{ createdAt: { $lt: after.createdAt } }, { _id: { $lt: after.id } }];
  if (status === undefined) return [query];
  // A single query for several statuses would scan status by status and sort in memory.
  return status.map((one): Filter<RunDocument> => ({ ...query, status: one }));
}
