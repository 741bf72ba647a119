import type { Logger } from 'pino';
import type { QueuedRun } from '../store/queue-document.ts';
import type { QueueStore } from '../store/queue-store.ts';
import type { RunStore } from '../store/run-store.ts';

export interface CancelSources {
  queue: QueueStore;
  runs: RunStore;
  log: Logger;
  /** The clock. */
  now: () => Date;
}

/** Runs of a task that a request cancels at most, so that it ends in time. */
const MAX_RUNS = 100;

/**
 * Cancels a run that waits. The run comes first: a worker that claims the entry meanwhile finds the run final and drops the
 * entry, and one that has written the run already keeps both.
 */
export async function cancelWaiting(
  entry: QueuedRun,
  { queue, runs, now }: Omit<CancelSources, 'log'>,
): Promise<void> {
  const at = now();
  await runs.addOwn(entry, at);
  await runs.writeOwn(entry, { status: 'CANCELED', finishedAt: at }, at);
  await queue.removeWaiting(entry);
}

/**
 * Cancels the runs of a task that wait, of one trigger or of all. Best effort: whoever claims one of the others reads the
 * task again and cancels the run then.
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
    // The task is changed: failing now would deny it.
    sources.log.warn({ err: error, taskId }, 'waiting runs not canceled');
  }
}
