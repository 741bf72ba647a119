import type { Collections } from '../../src/store/collections.ts';
import { serialize } from 'bson';
import { RawRun } from '../../src/store/run-raw.ts';
import { RECENT_RUNS } from '../../src/store/settlement.ts';
import type { RunDocument } from '../../src/store/run-document.ts';
import { viewRunOfTask } from '../../src/view/run-view.ts';
import type { TaskDocument } from '../../src/store/task-document.ts';
import type { Model } from './model.ts';
import type { ReadInterval } from './run-model.ts';

import type { VersionWatch } from './watch.ts';

const FIELDS = ['title', 'schedule', 'enabled', 'model', 'account_id', 'artist_account_id'] as const;

interface Audit {
  model: Model;
  collections: Pick<Collections, 'tasks' | 'runs'>;
  versions?: VersionWatch;
  /** Whether the tasks with an unacknowledged report have been repaired, and must therefore be correct too. */
  isRepaired: boolean;
}

/**
 * Compares the stored tasks and runs with everything that was requested, and reports differences as findings. Call it
 * after the last request has ended.
 */
export async function auditDatabase({ model, collections, versions, isRepaired }: Audit): Promise<void> {
  const interval = { from: performance.now(), to: performance.now() };
  const tasks = await collections.tasks.find({}).toArray();
  const runs = await collections.runs.find({}, { sort: { createdAt: -1, _id: -1 } }).toArray();
  const histories = groupBy(runs, ({ task_id }) => task_id);
  for (const task of tasks) {
    versions?.see(task);
    auditTask(model, task, interval);
    const known = model.taskOf(task.prompt);
    if (known && (isRepaired || !known.interrupted)) auditRuns(model, task, histories.get(task._id) ?? []);
  }
  auditPresence(model, tasks, interval);
  for (const run of runs)
    model.seeRun(viewRunOfTask(new RawRun(Buffer.from(serialize(run)))).toJSON(), interval);
  const stored = new Set(runs.map(({ _id }) => _id));
  for (const id of model.runIds) {
    const of = model.runOf(id);
    if (of?.run.ackedAt !== undefined && !stored.has(id))
      model.findings.add('lost', `run ${id} is not in the database`, of.task.history);
  }
}

function auditTask(model: Model, task: TaskDocument, interval: ReadInterval): void {
  const { findings } = model;
  const known = model.taskOf(task.prompt);
  if (!known) return findings.add('wrong', `task ${task._id} was never requested: ${task.prompt}`);
  const add = (problem: string) => findings.add('wrong', `task ${task._id} ${problem}`, known.history);
  if (known.mustBeGone(interval)) add('is stored, though its deletion was acknowledged');
  if (known.id !== undefined && known.id !== task._id)
    add(`is stored, though its creation returned ${known.id}`);
  for (const name of FIELDS) {
    const allowed = known.mayBe(name, interval);
    if (!allowed.includes(task[name]))
      add(`is stored with ${name} ${String(task[name])}, not one of ${JSON.stringify(allowed)}`);
  }
}

/** Checks that a task points to its last five runs, and that its runs are stored with the task's account. */
export function auditRuns(model: Model, task: TaskDocument, history: RunDocument[]): void {
  const known = model.taskOf(task.prompt);
  const last = history.slice(0, RECENT_RUNS).map(({ _id, createdAt }) => `${_id} ${createdAt.toISOString()}`);
  const shown = task.recent_runs.map(({ id, createdAt }) => `${id} ${createdAt.toISOString()}`);
  if (last.join() !== shown.join())
    model.findings.add('wrong', `task ${task._id} points to ${shown}, not to ${last}`, known?.history);
  const wrong = history.filter(({ account_id }) => account_id !== task.account_id);
  if (wrong.length > 0)
    model.findings.add(
      'wrong',
      `task ${task._id} belongs to ${task.account_id}, but its run ${wrong[0]?._id} to ${wrong[0]?.account_id}`,
      known?.history,
    );
}

function auditPresence(
  { findings, tasks: known }: Model,
  tasks: TaskDocument[],
  interval: ReadInterval,
): void {
  const stored = groupBy(tasks, ({ prompt }) => prompt);
  for (const task of known) {
    const copies = stored.get(task.prompt)?.length ?? 0;
    if (copies > 1) findings.add('wrong', `${task.prompt} is stored ${copies} times`, task.history);
    if (copies === 0 && task.mustBeThere(interval))
      findings.add('lost', `task ${task.id} is not in the database`, task.history);
  }
}

export function groupBy<T>(list: T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
