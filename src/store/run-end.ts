import type { RunError } from '../../generated/types.gen.ts';
import type { AttemptDocument, RunDocument } from './run-document.ts';

/** Returns a run's attempts. If the last one is still executing, it ends now with the given status and error. */
export function closedAttempts(
  { attempts = [] }: Pick<RunDocument, 'attempts'>,
  status: AttemptDocument['status'],
  error: RunError | null,
  now: Date,
): AttemptDocument[] {
  return attempts.map((attempt, at) =>
    at === attempts.length - 1 && attempt.status === 'EXECUTING'
      ? { ...attempt, status, error, updatedAt: now, completedAt: now }
      : attempt,
  );
}

/** Returns the changes that end a run of this service's engine with this status and error. */
export function endOf(run: RunDocument, status: RunDocument['status'], error: RunError | null, now: Date) {
  const { startedAt } = run;
  const attemptStatus = status === 'COMPLETED' || status === 'CANCELED' ? status : 'FAILED';
  // The wall clock may have been set back since the run started.
  const finishedAt = startedAt && startedAt > now ? startedAt : now;
  return {
    status,
    error,
    finishedAt,
    ...(startedAt && { durationMs: finishedAt.getTime() - startedAt.getTime() }),
    attempts: closedAttempts(run, attemptStatus, error, finishedAt),
  };
}
