import { inOneOrder } from './bulk-order.ts';
import { type Collections, LONG_TIMEOUT } from './collections.ts';
import { insertOnce } from './insert-missing.ts';
import type { TaskDocument } from './task-document.ts';
import { taskPages } from './task-pages.ts';

const RUNS_REASSIGNED = 'runs_filed_under_owners';
/**
 * Number of tasks whose runs are queried concurrently: enough to use the server well, few enough to leave room for
 * requests.
 */
const CONCURRENT_TASKS = 16;
/** Number of runs of a task that are updated at once. */
const RUNS_AT_ONCE = 500;

type Owned = Pick<TaskDocument, '_id' | 'account_id'>;

/** Finds up to 500 runs of a task whose account is missing or is not the task's owner. */
async function runsToReassign({ _id, account_id }: Owned, runs: Collections['runs']) {
  const options = {
    projection: { _id: 1 },
    limit: RUNS_AT_ONCE,
    batchSize: RUNS_AT_ONCE + 1,
    ...LONG_TIMEOUT,
  } as const;
  const found = await runs.find({ task_id: _id, account_id: { $ne: account_id } }, options).toArray();
  return found.map((run) => ({ id: run._id, account_id }));
}

/**
 * Sets the account of these tasks' runs to the owner, with one update per run. An updateMany would lock runs in its own
 * order and could block reports.
 * @returns the number of updated runs
 */
async function reassignPage(tasks: Owned[], runs: Collections['runs']): Promise<number> {
  const wrong = (await Promise.all(tasks.map((task) => runsToReassign(task, runs)))).flat();
  if (wrong.length === 0) return 0;
  const updates = inOneOrder(wrong, ({ id }) => id).map(({ id, account_id }) => ({
    updateOne: { filter: { _id: id }, update: { $set: { account_id } } },
  }));
  await runs.bulkWrite(updates, { ordered: false });
  // A task may have more runs to update than one query returns.
  return wrong.length + (await reassignPage(tasks, runs));
}

/**
 * Sets the account of every run to the owner of its task.
 * @returns the number of tasks processed and of runs updated
 */
export async function reassignRuns({
  tasks,
  runs,
}: Pick<Collections, 'tasks' | 'runs'>): Promise<{ tasks: number; reassigned: number }> {
  const figures = { tasks: 0, reassigned: 0 };
  for await (const page of taskPages(tasks, CONCURRENT_TASKS)) {
    figures.tasks += page.length;
    figures.reassigned += await reassignPage(page, runs);
  }
  return figures;
}

/**
 * Upgrades a database that an earlier version wrote: sets the account of every run to the owner of its task. In that
 * version, the owner of a task could change, and a process that died during such a change left runs under the previous
 * account. An interrupted upgrade starts again. Several processes may upgrade concurrently, because owners no longer
 * change.
 */
export async function upgrade(collections: Collections): Promise<void> {
  const { upgrades } = collections;
  if (await upgrades.findOne({ _id: RUNS_REASSIGNED })) return;
  const { tasks } = await reassignRuns(collections);
  // An empty database stays empty, so that a backup can be restored into it without --force.
  if (tasks === 0) return;
  await insertOnce(upgrades, { _id: RUNS_REASSIGNED });
}
