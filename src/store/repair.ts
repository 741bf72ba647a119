import type { Collections } from './collections.ts';
import { taskPages } from './task-pages.ts';
import { reassignRuns } from './upgrade.ts';
import { Settlement } from './settlement.ts';

export interface RepairFigures {
  tasks: number;
  /**
   * Number of tasks that had wrong pointers to their last runs, the mark of a write that never finished, or a field of
   * the wrong type.
   */
  repaired: number;
  /** Number of runs whose account was missing or was not the owner of their task. */
  reassigned: number;
}

/** Number of tasks checked concurrently: enough to use the server well, few enough to leave room for requests. */
const CONCURRENT_TASKS = 8;

/**
 * Recomputes every task's pointers to its last runs from the collection `runs`, and sets every run's account to the
 * owner of its task. Corrects what a process left behind when it died between two writes, and what other tools wrote.
 * Idempotent, and safe while the service runs.
 * @param onProgress - called with the number of tasks in each page that was checked
 */
export async function repair(
  collections: Pick<Collections, 'tasks' | 'runs'>,
  onProgress: (tasks: number) => void = () => {},
): Promise<RepairFigures> {
  const settlement = new Settlement(collections);
  const figures = { tasks: 0, repaired: 0, reassigned: (await reassignRuns(collections)).reassigned };
  for await (const page of taskPages(collections.tasks, CONCURRENT_TASKS)) {
    const wrong = await Promise.all(page.map(({ _id }) => settlement.repair(_id)));
    figures.tasks += page.length;
    figures.repaired += wrong.filter(Boolean).length;
    onProgress(page.length);
  }
  return figures;
}
