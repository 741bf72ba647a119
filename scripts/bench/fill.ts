import type { AccountDocument } from '../../src/store/account-document.ts';
import type { Collections } from '../../src/store/collections.ts';
import type { RunDocument } from '../../src/store/run-document.ts';
import { recordOf } from '../../src/store/run-record.ts';
import { RECENT_RUNS } from '../../src/store/settlement.ts';
import type { TaskDocument } from '../../src/store/task-document.ts';
import { upgrade } from '../../src/store/upgrade.ts';
import { seedAccounts, seedArtists, seedRuns, seedTasks } from '../../src/commands/seed-data.ts';
import type { BenchPlan } from './plan.ts';

/**
 * The databases of the bench:
 * - `small`: accounts with `listedTasks` tasks each, and one account with a few tasks with short histories
 * - `many`: like `small`, and many tasks of other accounts with one run each
 * - `histories`: like `small`, but with long histories
 * - `crons`: each task has a different cron expression
 * - `shapes`: one account per entry of SHAPES
 * - `summaries`: one account with many tasks of five runs each
 * - `planned`, `manyPlanned`: few or many tasks that the engine has planned and that are not due
 */
export type DatabaseName =
  'small' | 'many' | 'histories' | 'crons' | 'shapes' | 'summaries' | 'planned' | 'manyPlanned';

/** A kind of listing, by the number and size of the runs of each task. */
export interface Shape {
  title: string;
  runs: number;
  /** Size of each run's output in bytes. Default: the size of the usual output. */
  outputBytes?: number;
}

export const SHAPES: Shape[] = [
  { title: 'without runs', runs: 0 },
  { title: '× 5 runs', runs: 5 },
  { title: '× 5 runs of 10 kB', runs: 5, outputBytes: 10_000 },
];

const LISTED_RUNS = 5;
const DOCUMENTS_PER_WRITE = 500;
/** Number of accounts that own the other tasks of the database `many`. */
const OTHER_ACCOUNTS = 990;

/** Time until the planned tasks are due, long after the end of the bench. */
const NOT_DUE_MS = 30 * 24 * 60 * 60 * 1_000;
const NOT_DUE = new Date(Date.now() + NOT_DUE_MS);

const PLANNED_AT = new Date();

const nextFireAt = (task: number): Date =>
  new Date(NOT_DUE.setUTCHours(Math.floor(task / 60) % 24, task % 60, 0, 0));

interface Filling {
  tasks: number;
  accountOf: (task: number) => number;
  runsOf: (task: number) => number;
  schedule?: (task: number) => string;
  /** Returns the output of a task's runs; undefined for the usual output. */
  outputOf?: (task: number) => string | undefined;
  /** Whether the engine has planned the tasks. */
  planned?: true;
}

/** Returns pseudorandom text that is the same in every run of the bench (a linear congruential generator). */
function textOf(seed: number, bytes: number): string {
  let state = seed;
  let text = '';
  while (text.length < bytes) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += `${(state >>> 12).toString(36)} `;
  }
  return text;
}

/**
 * Returns a schedule that fires daily, weekly, monthly or every five minutes. No two are equal, so none profits from a
 * cache.
 */
function distinctSchedule(task: number): string {
  const minute = task % 60;
  const hour = Math.floor(task / 60) % 24;
  if (task % 4 === 0) return `${minute} ${hour} * * *`;
  if (task % 4 === 1) return `${minute} ${hour} * * ${task % 7}`;
  if (task % 4 === 2) return `${minute} ${hour} ${1 + (task % 28)} * *`;
  return `${minute}-59/5 ${hour}-23 * * *`;
}

function fillingOf(name: DatabaseName, plan: BenchPlan): Filling {
  const { accounts, listedTasks, historyTasks, shortHistory, longHistory } = plan;
  if (name === 'crons')
    return { tasks: plan.crons, accountOf: () => 0, runsOf: () => 1, schedule: distinctSchedule };
  if (name === 'summaries') {
    return { tasks: plan.summaryTasks, accountOf: () => 0, runsOf: () => LISTED_RUNS };
  }
  if (name === 'shapes') {
    const shapeOf = (task: number) => SHAPES[task % SHAPES.length];
    return {
      tasks: SHAPES.length * listedTasks,
      accountOf: (task) => task % SHAPES.length,
      runsOf: (task) => shapeOf(task)?.runs ?? 0,
      outputOf: (task) => {
        const bytes = shapeOf(task)?.outputBytes;
        return bytes === undefined ? undefined : textOf(task, bytes);
      },
    };
  }
  if (name === 'planned' || name === 'manyPlanned') {
    const month = NOT_DUE.getUTCMonth() + 1;
    return {
      tasks: name === 'planned' ? plan.plannedTasks : plan.manyPlannedTasks,
      accountOf: (task) => task % accounts,
      runsOf: () => 0,
      schedule: (task) => `${task % 60} ${Math.floor(task / 60) % 24} ${NOT_DUE.getUTCDate()} ${month} *`,
      planned: true,
    };
  }
  const listed = accounts * listedTasks;
  const small = listed + historyTasks;
  return {
    tasks: name === 'many' ? plan.manyTasks : small,
    accountOf: (task) => {
      if (task < listed) return task % accounts;
      return task < small ? accounts : accounts + 1 + (task % OTHER_ACCOUNTS);
    },
    runsOf: (task) => {
      if (task < listed) return LISTED_RUNS;
      if (task >= small) return 1;
      return name === 'histories' ? longHistory : shortHistory;
    },
  };
}

function countAccounts(name: DatabaseName, { accounts }: BenchPlan): number {
  return name === 'many' ? accounts + 1 + OTHER_ACCOUNTS : accounts + 1;
}

const accountIds = (count: number): string[] => [...seedAccounts(count)].map(({ _id }) => _id);

/** Returns the ids of the accounts with `listedTasks` tasks each. */
export const listedAccounts = ({ accounts }: BenchPlan): string[] => accountIds(accounts);

/** Returns the id of the account whose tasks have histories of different lengths in `small` and `histories`. */
export const historyAccount = ({ accounts }: BenchPlan): string => accountIds(accounts + 1)[accounts] ?? '';

/** Returns the number of tasks and runs in a database. */
export function countDocuments(name: DatabaseName, plan: BenchPlan): number {
  const { tasks, runsOf } = fillingOf(name, plan);
  let documents = tasks;
  for (let task = 0; task < tasks; task += 1) documents += runsOf(task);
  return documents;
}

/**
 * Yields the tasks and runs of a database in the form in which the service would have stored them. The caller inserts
 * them directly, because creating so many through the API would take too long.
 */
export function* benchDocuments(
  name: DatabaseName,
  plan: BenchPlan,
): Generator<{ task: TaskDocument } | { run: RunDocument }> {
  const { tasks, accountOf, runsOf, schedule, outputOf, planned } = fillingOf(name, plan);
  const ids = accountIds(countAccounts(name, plan));
  let index = -1;
  for (const { task } of seedTasks({ accounts: plan.accounts, tasks, runs: 0 })) {
    index += 1;
    const account_id = ids[accountOf(index)] ?? '';
    const recent_runs = [];
    for (const { id, ...fields } of seedRuns(index, runsOf(index))) {
      const { id: _id, ...record } = recordOf({ id, ...fields });
      if (recent_runs.length < RECENT_RUNS) recent_runs.push({ id, createdAt: record.createdAt });
      const output = outputOf?.(index);
      yield {
        run: { ...record, ...(output !== undefined && { output }), _id, task_id: task._id, account_id },
      };
    }
    yield {
      task: {
        ...task,
        account_id,
        schedule: schedule?.(index) ?? task.schedule,
        recent_runs,
        version: 1,
        ...(planned && { timezone: 'UTC', plan_from: PLANNED_AT, next_fire_at: nextFireAt(index) }),
      },
    };
  }
}

/** Fills an empty database. Calls `onProgress` with the number of documents of each write. */
export async function fill(
  collections: Collections,
  name: DatabaseName,
  { plan, onProgress }: { plan: BenchPlan; onProgress: (documents: number) => void },
): Promise<void> {
  const { accounts, tasks, runs } = collections;
  const people: AccountDocument[] = [
    ...seedAccounts(countAccounts(name, plan)),
    ...seedArtists(plan.accounts),
  ];
  await accounts.insertMany(people);
  let taskBatch: TaskDocument[] = [];
  let runBatch: RunDocument[] = [];
  const write = async () => {
    if (taskBatch.length > 0) await tasks.insertMany(taskBatch);
    if (runBatch.length > 0) await runs.insertMany(runBatch);
    onProgress(taskBatch.length + runBatch.length);
    taskBatch = [];
    runBatch = [];
  };
  for (const document of benchDocuments(name, plan)) {
    if ('task' in document) taskBatch.push(document.task);
    else runBatch.push(document.run);
    if (taskBatch.length + runBatch.length >= DOCUMENTS_PER_WRITE) await write();
  }
  await write();
  // Otherwise every service that starts on a copy would first check all runs. A real database is checked only once.
  await upgrade(collections);
}
