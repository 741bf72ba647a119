import type { BulkWriteOptions } from 'mongodb';
import { type Collections, PATIENCE } from './collections.ts';
import { taskPages } from './task-pages.ts';

const RUNS_FILED = 'runs_filed_under_owners';
/** Tasks whose runs are filed by one command. */
const TASKS_AT_ONCE = 500;

/**
 * Files every run under the owner of its task.
 * @returns the number of tasks, and of runs that were filed under another account, or under none
 */
export async function fileRuns({
  tasks,
  runs,
}: Pick<Collections, 'tasks' | 'runs'>): Promise<{ tasks: number; filed: number }> {
  const options: BulkWriteOptions & typeof PATIENCE = { ordered: false, ...PATIENCE };
  const figures = { tasks: 0, filed: 0 };
  for await (const page of taskPages(tasks, TASKS_AT_ONCE)) {
    const { modifiedCount } = await runs.bulkWrite(
      page.map(({ _id, account_id }) => ({
        updateMany: {
          filter: { task_id: _id, account_id: { $ne: account_id } },
          update: { $set: { account_id } },
        },
      })),
      options,
    );
    figures.tasks += page.length;
    figures.filed += modifiedCount;
  }
  return figures;
}

/**
 * Upgrades a database that an earlier version wrote: there, a task could change its owner, and a process that died meanwhile
 * left runs under the account before. An interrupted upgrade starts again; several processes may upgrade at once, because a
 * task no longer changes its owner.
 */
export async function upgrade(collections: Collections): Promise<void> {
  const { upgrades } = collections;
  if (await upgrades.findOne({ _id: RUNS_FILED })) return;
  const { tasks } = await fileRuns(collections);
  // An empty database stays empty, so that a backup can be restored into it without --force.
  if (tasks === 0) return;
  await upgrades.updateOne({ _id: RUNS_FILED }, { $setOnInsert: { _id: RUNS_FILED } }, { upsert: true });
}
