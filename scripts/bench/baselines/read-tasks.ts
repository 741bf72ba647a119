/** How baselines (a), (b) and (c) read tasks: three queries by the driver, joined in memory, each field mapped. */
import type { Filter } from 'mongodb';
import type { Collections } from '../../../src/store/collections.ts';
import type { RunDocument } from '../../../src/store/run-document.ts';
import type { TaskDocument } from '../../../src/store/task-document.ts';
import { upcoming } from './fire-times.ts';

/** What a request for tasks may ask for. */
export interface TaskQuery {
  id?: string;
  account_id?: string;
  limit?: string;
}

export function filterOf({ id, account_id }: TaskQuery): Filter<TaskDocument> {
  return { ...(id && { _id: id }), ...(account_id && { account_id }) };
}

function showRun({ _id, task_id: _task, account_id: _account, ...run }: RunDocument) {
  return { id: _id, ...run };
}

/** Joins tasks with their runs and their owners' addresses. */
export async function joinTasks({ runs, accounts }: Collections, tasks: TaskDocument[]) {
  const runIds = tasks.flatMap(({ recent_runs }) => recent_runs.map(({ id }) => id));
  const accountIds = [...new Set(tasks.map(({ account_id }) => account_id))];
  const [foundRuns, foundAccounts] = await Promise.all([
    runs.find({ _id: { $in: runIds } }, { batchSize: runIds.length + 1 }).toArray(),
    accounts.find({ _id: { $in: accountIds } }, { batchSize: accountIds.length + 1 }).toArray(),
  ]);
  const runsById = new Map(foundRuns.map((run) => [run._id, showRun(run)]));
  const emails = new Map(foundAccounts.map(({ _id, email }) => [_id, email]));
  return tasks.map((task) => ({
    id: task._id,
    title: task.title,
    prompt: task.prompt,
    schedule: task.schedule,
    timezone: task.timezone ?? undefined,
    account_id: task.account_id,
    artist_account_id: task.artist_account_id,
    enabled: task.enabled ?? null,
    trigger_schedule_id: task.trigger_schedule_id,
    recent_runs: task.recent_runs.flatMap(({ id }) => runsById.get(id) ?? []),
    upcoming: task.enabled === false ? [] : upcoming(task.schedule, task.timezone ?? 'UTC'),
    owner_email: emails.get(task.account_id) ?? null,
    model: task.model,
  }));
}

/** One page of tasks. */
export async function readTasks(collections: Collections, query: TaskQuery) {
  const limit = Number(query.limit ?? 1_000);
  const tasks = await collections.tasks
    .find(filterOf(query), { batchSize: limit + 1 })
    .sort({ created_at: -1, _id: 1 })
    .limit(limit)
    .toArray();
  return joinTasks(collections, tasks);
}
