import type { Run } from '../../generated/types.gen.ts';
import type { AttemptDocument, RunDocument } from './document.ts';

/** RFC 3339 in UTC; null and absence stay what they are. */
function instant(date: Date): string;
function instant(date: Date | null | undefined): string | null | undefined;
function instant(date: Date | null | undefined): string | null | undefined {
  return date instanceof Date ? date.toISOString() : date;
}

function viewAttempt(attempt: AttemptDocument): NonNullable<Run['attempts']>[number] {
  return {
    id: attempt.id,
    status: attempt.status,
    createdAt: instant(attempt.createdAt),
    updatedAt: instant(attempt.updatedAt),
    startedAt: instant(attempt.startedAt),
    completedAt: instant(attempt.completedAt),
    error: attempt.error,
  };
}

/** The run as the API shows it in its task. Each field is named, so that nothing else in the document can leak. */
export function viewRun(run: RunDocument): Run {
  return {
    id: run._id,
    status: run.status,
    taskIdentifier: run.taskIdentifier,
    triggerFunction: run.triggerFunction,
    createdAt: instant(run.createdAt),
    updatedAt: instant(run.updatedAt),
    startedAt: instant(run.startedAt),
    finishedAt: instant(run.finishedAt),
    delayedUntil: instant(run.delayedUntil),
    expiredAt: instant(run.expiredAt),
    ttl: run.ttl,
    idempotencyKey: run.idempotencyKey,
    version: run.version,
    isTest: run.isTest,
    tags: run.tags,
    metadata: run.metadata,
    costInCents: run.costInCents,
    baseCostInCents: run.baseCostInCents,
    durationMs: run.durationMs,
    env: run.env,
    depth: run.depth,
    batchId: run.batchId,
    payload: run.payload,
    output: run.output,
    error: run.error,
    attempts: run.attempts?.map(viewAttempt),
    schedule: run.schedule,
    relatedRuns: run.relatedRuns,
  };
}

/** The run as the API shows it by itself, where nothing else tells of which task it is. */
export function viewRunOfTask(run: RunDocument): Run {
  return { ...viewRun(run), task_id: run.task_id };
}
