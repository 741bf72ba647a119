import type { Logger } from 'pino';
import { repeat } from '../lib/repeat.ts';
import { inOneOrder } from './bulk-order.ts';
import type { Collections } from './collections.ts';
import { type Position, comparePosition } from './position.ts';
import type { RunDocument } from './run-document.ts';
import { NEWEST_FIRST, queriesOf } from './run-filter.ts';
import { isFinal } from './run-status.ts';
import { RECENT_RUNS } from './settlement.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const BETWEEN_PASSES_MS = 60 * 60 * 1_000;
/** Number of runs per query and per bulk deletion. */
const BATCH = 500;
/**
 * Maximum number of runs that one pass reads without deleting them; the next pass continues after them. Without this
 * limit, every pass would read the last five runs of every task that has stopped running.
 */
const MAX_KEPT = 20_000;

type Stored = Pick<Collections, 'runs' | 'tasks'>;
type OldRun = Pick<RunDocument, '_id' | 'task_id' | 'status' | 'createdAt' | 'updatedAt'>;
const OLD_RUN = { task_id: 1, status: 1, createdAt: 1, updatedAt: 1 } as const;

/**
 * Returns the runs that may be deleted: all except the last five of each existing task. One query reads the pointers of
 * all tasks. A run that is newer than the fifth pointer of its task also stays, even if no pointer names it: the
 * process that recorded it may have died before it updated the pointers.
 */
async function withoutLast(runs: OldRun[], tasks: Stored['tasks']): Promise<OldRun[]> {
  if (runs.length === 0) return [];
  const ids = [...new Set(runs.map(({ task_id }) => task_id))];
  const options = { projection: { recent_runs: 1 }, batchSize: ids.length + 1 };
  const found = await tasks.find({ _id: { $in: ids } }, options).toArray();
  // Another tool may have written a task without pointers, or with values of any type.
  const fifths = new Map(found.map(({ _id, recent_runs }) => [_id, recent_runs?.[RECENT_RUNS - 1]]));
  return runs.filter(({ _id: id, task_id, createdAt }) => {
    if (!fifths.has(task_id)) return true;
    const fifth = fifths.get(task_id);
    return fifth?.createdAt instanceof Date && comparePosition({ id, createdAt }, fifth) > 0;
  });
}

/**
 * Deletes runs, except those that have changed since they were read.
 * @returns the number of deleted runs
 */
async function deleteUnchanged(seen: OldRun[], runs: Stored['runs']): Promise<number> {
  if (seen.length === 0) return 0;
  const { deletedCount } = await runs.bulkWrite(
    inOneOrder(seen, ({ _id }) => _id).map(({ _id, status, createdAt, updatedAt }) => ({
      deleteOne: { filter: { _id, status, createdAt, updatedAt } },
    })),
    { ordered: false },
  );
  return deletedCount;
}

/**
 * Deletes ended runs that were created and last changed before an instant, except the last five of each existing task.
 * Reads batches from newest to oldest, each with one query for its runs and one for their tasks.
 * @param after - position at which the previous pass ended
 * @param stop - ends the pass before the next query
 * @returns the number of deleted runs, and the position after which the next pass continues; undefined if this pass
 *   read all old runs
 */
export async function dropOldRuns(
  { runs, tasks }: Stored,
  before: Date,
  { after, stop }: { after?: Position | undefined; stop?: AbortSignal } = {},
): Promise<{ deleted: number; next: Position | undefined }> {
  const options = { projection: OLD_RUN, sort: NEWEST_FIRST, limit: BATCH, batchSize: BATCH + 1 } as const;
  let deleted = 0;
  let read = 0;
  let next = after;
  const isStopped = () => stop?.aborted === true;
  while (!isStopped() && read - deleted < MAX_KEPT) {
    const [query = {}] = queriesOf({ to: before }, next);
    const batch: OldRun[] = await runs.find(query, options).toArray();
    const old = batch.filter(
      ({ status, updatedAt }) => isFinal(status) && updatedAt instanceof Date && updatedAt < before,
    );
    const deletable = isStopped() ? [] : await withoutLast(old, tasks);
    if (isStopped()) break;
    deleted += await deleteUnchanged(deletable, runs);
    read += batch.length;
    const last = batch.at(-1);
    if (!last || batch.length < BATCH) return { deleted, next: undefined };
    next = { id: last._id, createdAt: last.createdAt };
  }
  return { deleted, next };
}

/**
 * Deletes runs that are older than `days` now and every hour until stopped.
 * @returns a function that stops the passes, even in the middle of one, and resolves when the current pass has ended
 */
export function keepRunsFor(
  days: number,
  { collections, log, now }: { collections: Stored; log: Logger; now: () => Date },
): () => Promise<void> {
  let after: Position | undefined;
  return repeat(
    async (stop) => {
      const before = new Date(now().getTime() - days * DAY_MS);
      const { deleted, next } = await dropOldRuns(collections, before, { after, stop });
      after = next;
      if (deleted > 0) log.info({ runs: deleted, days }, 'deleted old runs');
    },
    {
      everyMs: BETWEEN_PASSES_MS,
      onError: (error) => log.error({ err: error }, 'failed to delete old runs; will try again in an hour'),
    },
  );
}
