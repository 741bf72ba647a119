import { createHash } from 'node:crypto';
import { failureKind, isDatabaseFailure } from '../database/failures.ts';
import type { QueuedRun } from './queue-document.ts';
import type { RunDocument } from './run-document.ts';

/** The `taskIdentifier` of all runs that this service's engine executes. */
const TASK_IDENTIFIER = 'recoup-task';
const ID_LENGTH = 26;

/** Returns the id of the run for a task's fire time. All planners compute the same id. */
export function scheduledRunId(taskId: string, scheduledAt: Date): string {
  const hash = createHash('sha256').update(`${taskId} ${scheduledAt.toISOString()}`).digest('hex');
  return `run_${hash.slice(0, ID_LENGTH)}`;
}

/** Returns the document of a queued run that no worker has claimed yet. */
export function newOwnRun(entry: QueuedRun, now: Date): RunDocument {
  return {
    _id: entry._id,
    task_id: entry.task_id,
    account_id: entry.account_id,
    fence: 0,
    status: 'QUEUED',
    taskIdentifier: TASK_IDENTIFIER,
    createdAt: now,
    updatedAt: now,
    startedAt: null,
    finishedAt: null,
    idempotencyKey: entry._id,
    payload: {
      type: entry.trigger,
      scheduled_at: entry.scheduled_at?.toISOString() ?? null,
      ...('input' in entry && { input: entry.input }),
    },
  };
}

/**
 * Whether a failed database write would fail again: the server refused it, or the error does not come from the
 * database.
 */
export function isRefused(error: unknown): boolean {
  return !isDatabaseFailure(error) || failureKind(error) === 'refused';
}
