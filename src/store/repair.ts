import type { Collections } from './collections.ts';
import { taskPages } from './task-pages.ts';
import { fileRuns } from './upgrade.ts';
import { Settlement } from './settlement.ts';

/** What a repair found. */
export interface RepairFigures {
  tasks: number;
  /** Those of them that had pointers to other runs than their last, an abandoned report's mark, or a field of a wrong type. */
  mended: number;
  /** Runs that were filed under another account than their task's, or under none. */
  filed: number;
}

/** Tasks looked at in the same moment: enough to keep a server busy, few enough to leave it time for others. */
const CONCURRENT_TASKS = 8;

/**
 * Points every task to its last runs, from the history, and files all runs under the owners of their tasks: what a process
 * that died between two writes left behind, and what other tools wrote into the database. May run while the service does,
 * and any number of times.
 * @param onProgress - called with the number of tasks that were just looked at
 */
export async function repair(
  collections: Pick<Collections, 'tasks' | 'runs'>,
  onProgress: (tasks: number) => void = () => {},
): Promise<RepairFigures> {
  const settlement = new Settlement(collections);
  const figures = { tasks: 0, mended: 0, filed: (await fileRuns(collections)).filed };
  for await (const page of taskPages(collections.tasks, CONCURRENT_TASKS)) {
    const wrong = await Promise.all(page.map(({ _id }) => settlement.mend(_id)));
    figures.tasks += page.length;
    figures.mended += wrong.filter(Boolean).length;
    onProgress(page.length);
  }
  return figures;
}
