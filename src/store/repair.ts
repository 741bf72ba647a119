import type { Collections } from './collections.ts';
import { taskPages } from './task-pages.ts';
import { reassignRuns } from './upgrade.ts';
import { Settlement } from './settlement.ts';

/** The result of a repair. */
export interface RepairFigures {
  tasks: number;
  /** Number of tasks that had stale run pointers, the mark of an abandoned report, or a field of the wrong type. */
  repaired: number;
  /** Number of runs that had a different account than their task, or none. */
  reassigned: number;
}

/** Number of tasks checked concurrently: enough to use the server well, few enough to leave room for requests. */
const CONCURRENT_TASKS = 8;

/**
 * Recomputes every task's run pointers from the history and sets every run's account to its task's owner. Repairs what
 * a process left behind when it died between two writes, and what other tools wrote. Idempotent, and safe while the
 * service runs.
 * @param onProgress - receives the number of tasks in each page that was checked
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
