import { type AnyBulkWriteOperation, MongoBulkWriteError, MongoServerError } from 'mongodb';
import type { RunDocument, RunRecord } from './document.ts';
import { finalStatuses } from './status.ts';

const DUPLICATE_KEY = 11000;

/**
 * Writes the report where it is news: over a state that is not newer, and that is not final unless in that same final
 * status. Where the run exists in any other state, or at another task, the upsert collides with its _id.
 */
export function reportOf(
  task: { id: string; account_id: string },
  { id, ...fields }: RunRecord,
): AnyBulkWriteOperation<RunDocument> {
  return {
    replaceOne: {
      filter: {
        _id: id,
        task_id: task.id,
        updatedAt: { $lte: fields.updatedAt },
        $or: [{ status: { $nin: finalStatuses } }, { status: fields.status }],
      },
      replacement: { ...fields, task_id: task.id, account_id: task.account_id },
      upsert: true,
    },
  };
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
