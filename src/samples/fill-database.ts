import type { AccountDocument } from '../store/account-document.ts';
import { forEachConcurrently } from '../lib/concurrency.ts';
import { insertMissing } from '../store/insert-missing.ts';
import type { Collections } from '../store/collections.ts';
import { recordOf } from '../store/run-record.ts';
import { RunStore } from '../store/run-store.ts';
import { TaskStore } from '../store/task-store.ts';
import type { TaskWithRuns } from './samples.ts';

const ACCOUNTS_PER_WRITE = 1_000;
const TASKS_PER_WRITE = 200;
const RUNS_PER_WRITE = 100;

/**
 * Number of tasks whose runs are written concurrently: enough to keep a server busy, few enough to leave room for
 * requests.
 */
const CONCURRENT_TASKS = 16;

function* batchesOf<Item>(items: Iterable<Item>, size: number): Generator<Item[]> {
  let batch: Item[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Adds accounts that do not exist yet. Existing accounts stay unchanged. */
export async function addAccounts(
  { accounts: collection }: Pick<Collections, 'accounts'>,
  accounts: Iterable<AccountDocument>,
): Promise<void> {
  for (const batch of batchesOf(accounts, ACCOUNTS_PER_WRITE)) {
    await insertMissing(collection, batch);
  }
}

/**
 * Adds the tasks that do not exist yet, and records the runs of all given tasks. Can be repeated, for example after an
 * interruption, because existing documents stay unchanged.
 * @param onProgress - called with the number of tasks and runs that were just written or found to exist
 */
export async function addTasks(
  collections: Collections,
  tasks: Iterable<TaskWithRuns>,
  onProgress: (documents: number) => void = () => {},
): Promise<void> {
  const taskStore = new TaskStore(collections);
  const runStore = new RunStore(collections);

  async function recordHistory({ task, runs }: TaskWithRuns): Promise<void> {
    for (const batch of batchesOf(runs, RUNS_PER_WRITE)) {
      const records = batch.map(recordOf);
      await runStore.recordRuns(task._id, records);
      onProgress(records.length);
    }
  }

  for (const batch of batchesOf(tasks, TASKS_PER_WRITE)) {
    await taskStore.insert(batch.map(({ task }) => task));
    onProgress(batch.length);
    await forEachConcurrently(batch, CONCURRENT_TASKS, recordHistory);
  }
}
