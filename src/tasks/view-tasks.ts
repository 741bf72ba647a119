import { setImmediate } from 'node:timers/promises';
import type { Task } from '../../generated/types.gen.ts';
import type { AccountStore } from '../accounts/store.ts';
import type { RunStore } from '../runs/store.ts';
import { viewRun } from '../runs/view.ts';
import type { FireTimes } from '../schedule/fire-times.ts';
import type { TaskDocument } from './document.ts';
import { viewTask } from './view.ts';

/** Where a task's view comes from, beside its document. */
export interface ViewSources {
  runs: RunStore;
  accounts: AccountStore;
  fireTimes: FireTimes;
  /** The clock. */
  now: () => Date;
}

/** How long viewing many tasks may keep the process from other requests. */
const MAX_BLOCK_MS = 10;

/** A task that was added by hand, with another tool, may lack them; one such must not fail everybody's listing. */
const pointersOf = ({ recent_runs }: Partial<TaskDocument>) => recent_runs ?? [];

/** Joins a batch of tasks with their last runs and their owners' addresses: two queries, however many tasks. */
export async function* viewTasks(
  documents: TaskDocument[],
  { runs, accounts, fireTimes, now }: ViewSources,
): AsyncGenerator<Task, void, undefined> {
  const [runsById, emails] = await Promise.all([
    runs.findByIds(documents.flatMap((task) => pointersOf(task).map(({ id }) => id))),
    accounts.findEmails([...new Set(documents.map((task) => task.account_id))]),
  ]);
  const at = now();
  let yieldedAt = performance.now();
  for (const task of documents) {
    yield viewTask(task, {
      recentRuns: pointersOf(task)
        .flatMap(({ id }) => runsById.get(id) ?? [])
        .map(viewRun),
      upcoming: task.enabled === false ? [] : fireTimes.next(task.schedule, task.timezone ?? 'UTC', at),
      ownerEmail: emails.get(task.account_id) ?? null,
    });
    // Schedules that were never seen take milliseconds each: other requests get their turn between them.
    if (performance.now() - yieldedAt > MAX_BLOCK_MS) {
      await setImmediate();
      yieldedAt = performance.now();
    }
  }
}

/** All of them, in an array. */
export async function collect(tasks: AsyncIterable<Task>): Promise<Task[]> {
  const collected: Task[] = [];
  for await (const task of tasks) collected.push(task);
  return collected;
}
