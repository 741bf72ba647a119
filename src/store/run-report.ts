import { type AnyBulkWriteOperation, MongoBulkWriteError, MongoServerError } from 'mongodb';
import { DUPLICATE_KEY } from '../database/failures.ts';
import type { RunDocument, RunRecord } from './run-document.ts';
import { finalsBarring, statusesBarring, stepOf } from './run-status.ts';

/**
 * Writes the report where it is news (openapi.yaml, recordRuns): over a state that is older, or equally old and not
 * further, and never over another final status. Where the run exists in any other state, or at another task, the upsert
 * collides with its _id. So it does where the run is the engine's.
 */
function writeOf(
  task: { id: string; account_id: string },
  { id, ...fields }: RunRecord,
): AnyBulkWriteOperation<RunDocument> {
  const { status, updatedAt } = fields;
  return {
    replaceOne: {
      filter: {
        _id: id,
        task_id: task.id,
        // The engine alone writes its runs.
        fence: { $exists: false },
        $or: [
          { updatedAt: { $lt: updatedAt }, status: { $nin: finalsBarring(status) } },
          { updatedAt, status: { $nin: statusesBarring(status) } },
        ],
      },
      replacement: { ...fields, task_id: task.id, account_id: task.account_id },
      upsert: true,
    },
  };
}

function compareAge(one: RunRecord, other: RunRecord): number {
  return one.updatedAt.getTime() - other.updatedAt.getTime() || stepOf(one.status) - stepOf(other.status);
}

/**
 * Writes of reports, one for each run: a bulk promises no order, so several reports of a run become one here. They are sorted
 * by id: DocumentDB locks runs in the order sent, and two bulks in opposite orders would block each other.
 */
export function writesOf(
  task: { id: string; account_id: string },
  reports: RunRecord[],
): AnyBulkWriteOperation<RunDocument>[] {
  const newest = new Map<string, RunRecord>();
  for (const report of reports.toSorted(compareAge)) {
    const before = newest.get(report.id);
    if (!before || !finalsBarring(report.status).includes(before.status)) newest.set(report.id, report);
  }
  return [...newest.values()]
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    .map((report) => writeOf(task, report));
}

/** Whether all that a bulk of reports failed of is that runs are there already. */
export function onlyDuplicates(error: unknown): boolean {
  if (!(error instanceof MongoBulkWriteError)) return false;
  const failures = [error.writeErrors].flat();
  return failures.length > 0 && failures.every(({ code }) => code === DUPLICATE_KEY);
}

/** Whether a bulk of reports failed by what the server replied, so that it is over; else it may still be under way. */
export function wasAnswered(error: unknown): boolean {
  return error instanceof MongoServerError && error.code !== undefined;
}
