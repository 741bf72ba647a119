import type { Filter } from 'mongodb';
import type { RunStatus } from '../../generated/types.gen.ts';
import type { Position } from './position.ts';
import type { RunDocument } from './run-document.ts';

/** The order of listings, and of a task's last runs. */
export const NEWEST_FIRST = { createdAt: -1, _id: -1 } as const;

/** Which runs; every given member must match. */
export interface RunFilter {
  account_id?: string;
  task_id?: string;
  /** Any of them. */
  status?: RunStatus[];
  /** Made at this instant or later. */
  from?: Date;
  /** Made before this instant. */
  to?: Date;
}

/**
 * A bound for stored instants, which have milliseconds: rounded up, because "at or after" and "before" then hold for exactly
 * the instants for which they hold with the bound as it was sent.
 */
export function boundOf(instant: string): Date {
  const milliseconds = Date.parse(instant);
  return new Date(/\.\d{3}\d*[1-9]/.test(instant) ? milliseconds + 1 : milliseconds);
}

/** The queries whose results together are the runs that match, behind a position, each in the order of an index. */
export function queriesOf({ account_id, task_id, status, from, to }: RunFilter, after?: Position) {
  const query: Filter<RunDocument> = {
    ...(account_id !== undefined && { account_id }),
    ...(task_id !== undefined && { task_id }),
  };
  const range = {
    ...(from && { $gte: from }),
    ...(to && { $lt: to }),
    // The range bounds the index scan, $or leaves out what came before among equal instants.
    ...(after && { $lte: after.createdAt }),
  };
  if (Object.keys(range).length > 0) query.createdAt = range;
  if (after) query.$or = [{ createdAt: { $lt: after.createdAt } }, { _id: { $lt: after.id } }];
  if (status === undefined) return [query];
  // One query for several statuses would be read in the order of statuses, and sorted in memory.
  return status.map((one): Filter<RunDocument> => ({ ...query, status: one }));
}
