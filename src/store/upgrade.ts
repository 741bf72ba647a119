import { inOneOrder } from './bulk-order.ts';
import { type Collections, PATIENCE } from './collections.ts';
import { insertOnce } from './insert-missing.ts';
import type { TaskDocument } from './task-document.ts';
import { taskPages } from './task-pages.ts';

const RUNS_FILED = 'runs_filed_under_owners';
/** Tasks whose runs are looked up at the same time: enough to keep a server busy, few enough to leave it time for others. */
const CONCURRENT_TASKS = 16;
/** Runs of a task that are filed at once. */
const RUNS_AT_ONCE = 500;

type Owned = Pick<TaskDocument, '_id' | 'account_id'>;

/** Runs of a task that are filed under another account than its owner's, or under none. */
async function misfiledRuns({ _id, account_id }: Owned, runs: Collections['runs']) {
  const options = {
    projection: { _id: 1 },
    limit: RUNS_AT_ONCE,
    batchSize: RUNS_AT_ONCE + 1,
    ...PATIENCE,
  } as const;
  const found = await runs.find({ task_id: _id, account_id: { $ne: account_id } }, options).toArray();
  return found.map((run) => ({ id: run._id, account_id }));
}

/**
 * Files the runs of these tasks under their owners, with one update a run: an updateMany would lock runs in an order of its
 * own and could block reports.
 * @returns the number of runs that were filed
 */
async function filePage(tasks: Owned[], runs: Collections['runs']): Promise<number> {
  const misfiled = (await Promise.all(tasks.map((task) => misfiledRuns(task, runs)))).flat();
  if (misfiled.length === 0) return 0;
  const updates = inOneOrder(misfiled, ({ id }) => id).map(({ id, account_id }) => ({
    updateOne: { filter: { _id: id }, update: { $set: { account_id } } },
  }));
  await runs.bulkWrite(updates, { ordered: false });
  // A task may have more.
  return misfiled.length + (await filePage(tasks, runs));
}

/**
 * Files every run under the owner of its task.
 * @returns the number of tasks, and of runs that were filed under another account, or under none
 */
export async function fileRuns({
  tasks,
  runs,
}: Pick<Collections, 'tasks' | 'runs'>): Promise<{ tasks: number; filed: number }> {
  const figures = { tasks: 0, filed: 0 };
  for await (const page of taskPages(tasks, CONCURRENT_TASKS)) {
    figures.tasks += page.length;
    figures.filed += await filePage(page, runs);
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
  await insertOnce(upgrades, { _id: RUNS_FILED });
}
