import type { Collections } from '../database/collections.ts';
import { Settlement } from './settlement.ts';

/** What a repair found. */
export interface RepairFigures {
  tasks: number;
  /**
   * Of them, those that pointed to other runs than their last, whose runs were filed under another account, or that bore
   * the mark of a report that was given up.
   */
  mended: number;
}

/** Tasks looked at in the same moment: enough to keep a server busy, few enough to leave it time for others. */
const CONCURRENT_TASKS = 8;

/**
 * Makes every task right about its runs, and them about it, from the history: what a process that died between two writes
 * left behind, and what other tools wrote into the database. May run while the service does, and any number of times.
 * @param onProgress - called with the number of tasks that were just looked at
 */
export async function repair(
  { tasks, runs }: Pick<Collections, 'tasks' | 'runs'>,
  onProgress: (tasks: number) => void = () => {},
): Promise<RepairFigures> {
  const settlement = new Settlement({ tasks, runs });
  const figures = { tasks: 0, mended: 0 };
  let batch: string[] = [];
  const mendBatch = async () => {
    const wrong = await Promise.all(batch.map((id) => settlement.mend(id)));
    figures.tasks += batch.length;
    figures.mended += wrong.filter(Boolean).length;
    onProgress(batch.length);
    batch = [];
  };
  for await (const { _id } of tasks.find({}, { projection: { _id: 1 }, sort: { _id: 1 } })) {
    batch.push(_id);
    if (batch.length === CONCURRENT_TASKS) await mendBatch();
  }
  await mendBatch();
  return figures;
}
