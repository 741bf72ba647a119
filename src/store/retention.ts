import type { Logger } from 'pino';
import type { Collections } from './collections.ts';
import { finalStatuses } from './run-status.ts';
import { lastRunsOf } from './settlement.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const BETWEEN_PASSES_MS = 60 * 60 * 1_000;
/** Runs looked at, and deleted, at once. */
const BATCH = 500;

type RunsOnly = Pick<Collections, 'runs'>;
interface Old {
  _id: string;
  task_id: string;
}

async function dropBatch(old: Old[], collections: RunsOnly, stop?: AbortSignal): Promise<number> {
  const kept = new Set<string>();
  for (const taskId of new Set(old.map(({ task_id }) => task_id))) {
    if (stop?.aborted) return 0;
    // The last ones stay however old they are. New runs that come meanwhile only make these older, so that none of the last
    // ones can be among the dropped.
    for (const { id } of await lastRunsOf(taskId, collections.runs)) kept.add(id);
  }
  const ids = old.map(({ _id }) => _id).filter((id) => !kept.has(id));
  if (ids.length === 0) return 0;
  const { deletedCount } = await collections.runs.deleteMany({
    _id: { $in: ids },
    // It cannot have left its final status, but it may have been reported again.
    status: { $in: finalStatuses },
  });
  return deletedCount;
}

/**
 * Deletes the runs that reached a final status and were made and last changed before an instant, but never a task's last
 * five. What is under way stays, however old.
 * @param stop - ends it before the next question to the database; what is left is for the next time
 * @returns how many it deleted
 */
export async function dropOldRuns(collections: RunsOnly, before: Date, stop?: AbortSignal): Promise<number> {
  const old = collections.runs.find<Old>(
    { createdAt: { $lt: before }, updatedAt: { $lt: before }, status: { $in: finalStatuses } },
    { projection: { task_id: 1 }, batchSize: BATCH },
  );
  let dropped = 0;
  let batch: Old[] = [];
  for await (const run of old) {
    batch.push(run);
    if (batch.length < BATCH) continue;
    dropped += await dropBatch(batch, collections, stop);
    batch = [];
    if (stop?.aborted) break;
  }
  return dropped + (await dropBatch(batch, collections, stop));
}

/**
 * Drops old runs now and every hour, until it is stopped. A pass that fails is logged, and made up for by the next.
 * @returns ends it, also in the middle of a pass, and resolves when nothing of it is under way
 */
export function keepRunsFor(
  days: number,
  { collections, log, now }: { collections: RunsOnly; log: Logger; now: () => Date },
): () => Promise<void> {
  const stopping = new AbortController();
  const pass = async () => {
    try {
      const before = new Date(now().getTime() - days * DAY_MS);
      const runs = await dropOldRuns(collections, before, stopping.signal);
      if (runs > 0) log.info({ runs, days }, 'old runs dropped');
    } catch (error) {
      log.error({ err: error }, 'old runs could not be dropped');
    }
  };
  let current = pass();
  const timer = setInterval(() => {
    // One after the other, however long one takes.
    current = current.then(pass);
  }, BETWEEN_PASSES_MS);
  return async () => {
    clearInterval(timer);
    stopping.abort();
    await current;
  };
}
