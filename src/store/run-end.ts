import type { RunError } from '../../generated/types.gen.ts';
import type { AttemptDocument, RunDocument } from './run-document.ts';

/** The attempts of a run, of which the last one is ended now if it still executes. */
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

/** The changes to a run of the engine that ends. */
export function endOf(run: RunDocument, status: RunDocument['status'], error: RunError | null, now: Date) {
  const { startedAt } = run;
  const attemptStatus = status === 'COMPLETED' || status === 'CANCELED' ? status : 'FAILED';
  // The wall clock may have been set back meanwhile.
  const finishedAt = startedAt && startedAt > now ? startedAt : now;
  return {
    status,
    error,
    finishedAt,
    ...(startedAt && { durationMs: finishedAt.getTime() - startedAt.getTime() }),
    attempts: closedAttempts(run, attemptStatus, error, finishedAt),
  };
}
