import type { Run } from '../../generated/types.gen.ts';
import type { AttemptDocument, RunRecord } from './run-document.ts';

function date(instant: string): Date;
function date(instant: string | null | undefined): Date | null | undefined;
function date(instant: string | null | undefined): Date | null | undefined {
  return typeof instant === 'string' ? new Date(instant) : instant;
}

function recordAttempt(attempt: NonNullable<Run['attempts']>[number]): AttemptDocument {
  return {
    ...attempt,
    createdAt: date(attempt.createdAt),
    updatedAt: date(attempt.updatedAt),
    startedAt: date(attempt.startedAt),
    completedAt: date(attempt.completedAt),
  };
}

/** A run in the wire's shape as the database keeps it: each RFC 3339 string becomes a date, without decimals beyond milliseconds. */
export function recordOf(run: Omit<Run, 'task_id' | 'title'>): RunRecord {
  return {
    ...run,
    createdAt: date(run.createdAt),
    updatedAt: date(run.updatedAt),
    startedAt: date(run.startedAt),
    finishedAt: date(run.finishedAt),
    delayedUntil: date(run.delayedUntil),
    expiredAt: date(run.expiredAt),
    attempts: run.attempts?.map(recordAttempt),
  };
}
