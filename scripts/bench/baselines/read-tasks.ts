/**
 * Reads tasks for the baselines (a) and (c): three queries with the driver, joined in memory, each field copied into
 * the reply.
 */
import type { Filter } from 'mongodb';
import type { Collections } from '../../../src/store/collections.ts';
import type { RunDocument } from '../../../src/store/run-document.ts';
import type { TaskDocument } from '../../../src/store/task-document.ts';
import { upcoming } from './fire-times.ts';

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

/** Joins tasks with their runs, their owners' e-mail addresses and their artists' names. */
export async function joinTasks({ runs, accounts }: Collections, tasks: TaskDocument[]) {
  const runIds = tasks.flatMap(({ recent_runs }) => recent_runs.map(({ id }) => id));
  const accountIds = [
    ...new Set(tasks.flatMap(({ account_id, artist_account_id }) => [account_id, artist_account_id])),
  ];
  const [foundRuns, foundAccounts] = await Promise.all([
    runs.find({ _id: { $in: runIds } }, { batchSize: runIds.length + 1 }).toArray(),
    accounts.find({ _id: { $in: accountIds } }, { batchSize: accountIds.length + 1 }).toArray(),
  ]);
  const runsById = new Map(foundRuns.map((run) => [run._id, showRun(run)]));
  const accountsById = new Map(foundAccounts.map((account) => [account._id, account]));
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
    owner_email: accountsById.get(task.account_id)?.email ?? null,
    artist_name: accountsById.get(task.artist_account_id)?.name ?? null,
    model: task.model,
    created_at: task.created_at,
    updated_at: task.updated_at ?? task.created_at,
  }));
}

/** Reads the newest tasks that match the query, at most 1,000 unless the query has a limit. */
export async function readTasks(collections: Collections, query: TaskQuery) {
  const limit = Number(query.limit ?? 1_000);
  const tasks = await collections.tasks
    .find(filterOf(query), { batchSize: limit + 1 })
    .sort({ created_at: -1, _id: 1 })
    .limit(limit)
    .toArray();
  return joinTasks(collections, tasks);
}
