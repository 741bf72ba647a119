import type { Logger } from 'pino';
import type { QueuedRun } from '../store/queue-document.ts';
import type { QueueStore } from '../store/queue-store.ts';
import { endOf } from '../store/run-end.ts';
import type { RunStore } from '../store/run-store.ts';

export interface CancelSources {
  queue: QueueStore;
  runs: RunStore;
  log: Logger;
  now: () => Date;
}

/** Maximum number of waiting runs that a change or deletion of a task cancels, to keep the request short. */
const MAX_RUNS = 100;

/**
 * Cancels a run that waits in the queue. Writes the status CANCELED before it removes the queue entry. A worker that
 * claims the entry in between finds the run canceled and drops the entry. If a worker has already started the run,
 * neither the run nor the entry changes.
 */
export async function cancelWaiting(
  entry: QueuedRun,
  { queue, runs, now }: Omit<CancelSources, 'log'>,
): Promise<void> {
  const at = now();
  const run = await runs.addOwn(entry, at);
  if (run) await runs.writeOwn(entry, endOf(run, 'CANCELED', null, at), at, run);
  await queue.removeWaiting(entry);
}

/**
 * Cancels the waiting runs of a task that was deleted or disabled: all, or those with a given trigger. Some may remain
 * after an error, or if there are more than MAX_RUNS. A worker that claims a remaining run reads the task again and
 * then cancels the run.
 */
export async function cancelWaitingOf(
  taskId: string,
  which: Partial<Pick<QueuedRun, 'trigger'>>,
  sources: CancelSources,
): Promise<void> {
  try {
    for (const entry of await sources.queue.waitingOf(taskId, which, MAX_RUNS)) {
      await cancelWaiting(entry, sources);
    }
  } catch (error) {
    // Do not throw: the task has already changed, and an error reply would suggest that it has not.
    sources.log.warn({ err: error, taskId }, "failed to cancel a task's waiting runs");
  }
}
