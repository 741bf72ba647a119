import type {
  ReportedError,
  ReportedRunStatus,
  Run,
  RunReport,
  RunStatus,
} from '../../generated/types.gen.ts';
import type { AttemptDocument, ReportedRun } from './run-document.ts';

/** Maps each status that a report may have to the status that the API shows (openapi.yaml, ReportedRunStatus). */
const PUBLISHED: Record<ReportedRunStatus, RunStatus> = {
  PENDING_VERSION: 'PENDING_VERSION',
  WAITING_FOR_DEPLOY: 'PENDING_VERSION',
  DELAYED: 'DELAYED',
  QUEUED: 'QUEUED',
  DEQUEUED: 'EXECUTING',
  EXECUTING: 'EXECUTING',
  REATTEMPTING: 'REATTEMPTING',
  WAITING: 'FROZEN',
  FROZEN: 'FROZEN',
  COMPLETED: 'COMPLETED',
  EXPIRED: 'CANCELED',
  CANCELED: 'CANCELED',
  TIMED_OUT: 'FAILED',
  FAILED: 'FAILED',
  CRASHED: 'CRASHED',
  INTERRUPTED: 'INTERRUPTED',
  SYSTEM_FAILURE: 'SYSTEM_FAILURE',
};

const TIMED_OUT = { name: 'TimedOut', message: 'The run exceeded its time limit.' };

function date(instant: string): Date;
function date(instant: string | null | undefined): Date | null | undefined;
function date(instant: string | null | undefined): Date | null | undefined {
  return typeof instant === 'string' ? new Date(instant) : instant;
}

function recordError(error: ReportedError | undefined): Run['error'] {
  if (!error) return error;
  const { causes: _causes, ...recorded } = error;
  return recorded;
}

function recordAttempt(attempt: NonNullable<RunReport['attempts']>[number]): AttemptDocument {
  return {
    ...attempt,
    createdAt: date(attempt.createdAt),
    updatedAt: date(attempt.updatedAt),
    startedAt: date(attempt.startedAt),
    completedAt: date(attempt.completedAt),
    error: recordError(attempt.error),
  };
}

/**
 * Whether a report is an item of a run listing such as `runs.list` of Trigger.dev. Such an item lacks some fields of a
 * run (openapi.yaml, recordRuns).
 */
function isListItem({ isCompleted, attempts, attemptCount }: RunReport): boolean {
  return isCompleted !== undefined && attempts === undefined && attemptCount === undefined;
}

/**
 * Returns the fields to add to a report with the status EXPIRED or TIMED_OUT. The API has neither status: it shows
 * CANCELED or FAILED instead.
 */
function ending(
  run: RunReport,
  error: Run['error'],
): Partial<Pick<ReportedRun, 'expiredAt' | 'error' | 'listItem'>> {
  if (run.status === 'EXPIRED') return { expiredAt: date(run.expiredAt ?? run.finishedAt ?? run.updatedAt) };
  if (run.status !== 'TIMED_OUT') return {};
  // This list item has no error. Keep the error that another report may have stored.
  if (isListItem(run) && error === undefined) return { listItem: { errorIfNone: TIMED_OUT } };
  return { error: { ...TIMED_OUT, ...error } };
}

/**
 * Converts a report to the form that the database stores: drops fields that Run does not have, maps the status, and
 * turns RFC 3339 strings into dates with millisecond precision.
 */
export function recordOf(report: RunReport): ReportedRun {
  const {
    isQueued: _isQueued,
    isExecuting: _isExecuting,
    isWaiting: _isWaiting,
    isCompleted: _isCompleted,
    isSuccess: _isSuccess,
    isFailed: _isFailed,
    isCancelled: _isCancelled,
    attemptCount: _attemptCount,
    payloadPresignedUrl: _payloadPresignedUrl,
    outputPresignedUrl: _outputPresignedUrl,
    taskKind: _taskKind,
    region: _region,
    ...run
  } = report;
  const error = recordError(run.error);
  return {
    ...run,
    status: PUBLISHED[run.status],
    createdAt: date(run.createdAt),
    updatedAt: date(run.updatedAt),
    startedAt: date(run.startedAt),
    finishedAt: date(run.finishedAt),
    delayedUntil: date(run.delayedUntil),
    expiredAt: date(run.expiredAt),
    error,
    attempts: run.attempts?.map(recordAttempt),
    ...(isListItem(report) && { listItem: {} }),
    ...ending(report, error),
  };
}
