import { setTimeout as sleep } from 'node:timers/promises';
import type { Collections } from '../../src/store/collections.ts';
import type { OccurrenceDocument } from '../../src/store/occurrence-document.ts';
import type { RunDocument } from '../../src/store/run-document.ts';
import { finalStatuses } from '../../src/store/run-status.ts';
import type { TaskDocument } from '../../src/store/task-document.ts';
import { auditRuns, groupBy } from './audit.ts';
import { type World, jsonRequest } from './client.ts';
import type { Receiver } from './receiver.ts';
import type { Starter } from './starter.ts';
import type { VersionWatch } from './watch.ts';

/** Time after the load in which every run must reach a final status, even if processes were killed during the load. */
const FINAL_MS = 60_000;
const POLL_MS = 250;
const MINUTE_MS = 60_000;
const DEFAULT_ATTEMPTS = 1;

interface EngineAudit {
  world: World;
  starters: Starter[];
  receiver: Receiver;
  collections: Collections;
  versions: VersionWatch;
}

/**
 * Compares the stored runs, occurrences and deliveries with the requested runs and the due fire times, and reports
 * differences as findings. Call it after the load has ended.
 */
export async function engineAudit(audit: EngineAudit): Promise<void> {
  const { world, starters, collections } = audit;
  for (const starter of starters)
    for (const run of starter.runs.filter(({ id }) => id === undefined)) await starter.ask(run);
  await awaitFinal(audit);
  const firedUntil = new Date();
  for (const id of starters.flatMap(({ tasks }) => tasks)) {
    const asked = jsonRequest('PATCH', '/api/tasks', { id, enabled: false });
    const [instance] = world.instances;
    if (instance) await world.sender.send(instance, 'disable', asked);
  }
  // A task may have fired between `firedUntil` and the request that disabled it. Wait until that run is canceled or
  // executed.
  await awaitFinal(audit);
  const tasks = await collections.tasks.find({}).toArray();
  const runs = await collections.runs.find({}, { sort: { createdAt: -1, _id: -1 } }).toArray();
  const histories = groupBy(runs, ({ task_id }) => task_id);
  const occurrences = groupBy(await collections.occurrences.find({}).toArray(), ({ task_id }) => task_id);
  for (const task of tasks) {
    const history = histories.get(task._id) ?? [];
    audit.versions.see(task);
    auditRuns(world.model, task, history);
    auditOccurrences(audit, { task, history, decided: occurrences.get(task._id) ?? [], firedUntil });
    for (const run of history) auditDeliveries(audit, task, run);
  }
  auditStarted(audit, new Set(runs.map(({ _id }) => _id)));
}

/**
 * Waits until the queue is empty and every run has a final status. Reports a finding if that takes longer than
 * FINAL_MS.
 */
async function awaitFinal({ world, collections }: EngineAudit): Promise<void> {
  const { runs, run_queue } = collections;
  const before = new Date();
  const unfinished = async () => {
    const open = { status: { $nin: [...finalStatuses] }, createdAt: { $lt: before } };
    const queued = await run_queue.find({ due_at: { $lt: before } }).toArray();
    const late = await runs.find(open).toArray();
    return [...queued, ...late];
  };
  const deadline = performance.now() + FINAL_MS * world.faults.slowness;
  for (;;) {
    const left = await unfinished();
    if (left.length === 0) return;
    if (performance.now() > deadline) {
      const shown = JSON.stringify(left.slice(0, 5));
      return world.model.findings.add(
        'hung',
        `${left.length} queue entries or runs did not end after the load, such as ${shown}`,
      );
    }
    await sleep(POLL_MS);
  }
}

function auditStarted({ world, starters }: EngineAudit, stored: Set<string>): void {
  const { findings } = world.model;
  for (const { id, key } of starters.flatMap(({ runs }) => runs))
    if (id !== undefined && !stored.has(id))
      findings.add('lost', `run ${id}, requested with the key ${key}, is not stored`);
}

/** Checks that each due fire time of a task has exactly one record: a fired run, a skip or a miss. */
function auditOccurrences(
  { world }: EngineAudit,
  of: { task: TaskDocument; history: RunDocument[]; decided: OccurrenceDocument[]; firedUntil: Date },
): void {
  const { task, history, decided, firedUntil } = of;
  const add = (severity: 'lost' | 'wrong', what: string) =>
    world.model.findings.add(severity, `task ${task._id} ${what}`);
  const times = new Map<number, number>();
  for (const { outcome, scheduled_at, last_scheduled_at, count = 1 } of decided) {
    const first = scheduled_at.getTime();
    const last = (last_scheduled_at ?? scheduled_at).getTime();
    const missed = (last - first) / MINUTE_MS + 1;
    if (outcome === 'missed' && missed !== count)
      add(
        'wrong',
        `has a record of ${count} misses for ${missed} fire times from ${scheduled_at.toISOString()}`,
      );
    for (let at = first; at <= last; at += MINUTE_MS) times.set(at, (times.get(at) ?? 0) + 1);
  }
  const firstDue = Math.ceil((task.created_at.getTime() + 1) / MINUTE_MS) * MINUTE_MS;
  for (let at = firstDue; at < firedUntil.getTime(); at += MINUTE_MS)
    if (!times.has(at)) add('lost', `has no record of the fire time ${new Date(at).toISOString()}`);
  for (const [at, count] of times)
    if (count > 1) add('wrong', `has ${count} records of the fire time ${new Date(at).toISOString()}`);
  const fired = new Set(decided.flatMap(({ run_id }) => run_id ?? []));
  const scheduled = new Set(history.filter(({ payload }) => isScheduled(payload)).map(({ _id }) => _id));
  for (const id of [...fired].filter((one) => !scheduled.has(one)))
    add('lost', `fired, but its run ${id} is not stored`);
  for (const id of [...scheduled].filter((one) => !fired.has(one)))
    add('wrong', `has a scheduled run ${id} that no occurrence names`);
}

function isScheduled(payload: unknown): boolean {
  return typeof payload === 'object' && payload !== null && 'type' in payload && payload.type === 'scheduled';
}

/**
 * Checks that a run was delivered at most once per attempt and no more often than `max_attempts`. A fault must explain a
 * second delivery.
 */
function auditDeliveries(audit: EngineAudit, task: TaskDocument, run: RunDocument): void {
  const { world, receiver } = audit;
  const delivered = receiver.deliveries.get(run._id) ?? [];
  const attempts = delivered.map(({ attempt }) => attempt);
  const history = delivered.map(({ attempt, at }) => `attempt ${attempt} at ${at}`);
  const add = (what: string) => world.model.findings.add('wrong', `run ${run._id} ${what}`, history);
  if (new Set(attempts).size < attempts.length) add(`was delivered twice in one attempt: ${attempts}`);
  if (attempts.length > (task.max_attempts ?? DEFAULT_ATTEMPTS))
    add(`was delivered ${attempts.length} times, but its limit is ${task.max_attempts ?? DEFAULT_ATTEMPTS}`);
  if (run.status === 'COMPLETED' && attempts.length === 0) add('is COMPLETED, and was never delivered');
  auditFollowed(audit, run, add);
  const [first] = delivered;
  const last = delivered.at(-1);
  if (!first || !last || first === last) return;
  const everything = world.instances.flatMap(({ targets }) => targets);
  if (!world.faults.overlaps(everything, first.at, last.at))
    add('was delivered again, though no fault occurred');
}

/**
 * Checks a run whose work the service polled at least once: it must not be delivered again, and must complete unless it
 * was canceled. Faults are no excuse, because the service stores the work's location before the first poll.
 */
function auditFollowed(
  { receiver, starters }: EngineAudit,
  { _id, status }: RunDocument,
  add: (what: string) => void,
): void {
  const delivered = receiver.deliveries.get(_id) ?? [];
  const last = delivered.at(-1)?.work;
  if (status === 'COMPLETED' && last && !last.isReported)
    add('is COMPLETED, but its receiver has not reported that');
  const polled = delivered.findIndex(({ work }) => work !== undefined && work.polls.length > 0);
  if (polled === -1) return;
  if (polled < delivered.length - 1) add('was delivered again, though its work was being followed');
  const isCanceled = starters.some(({ canceled }) => canceled.has(_id));
  if (status !== 'COMPLETED' && !(isCanceled && status === 'CANCELED'))
    add(`is ${status}, though its work was being followed`);
}

/**
 * Counts the jobs that the receiver answered with 202, and how many of them were polled both before and after a fault.
 */
export function followedRuns({ world, receiver }: Pick<EngineAudit, 'world' | 'receiver'>) {
  const works = [...receiver.deliveries.values()].flat().flatMap(({ work }) => work ?? []);
  const everything = world.instances.flatMap(({ targets }) => targets);
  const throughFaults = works.filter(({ polls }) =>
    world.faults.overlaps(everything, polls[0] ?? Infinity, polls.at(-1) ?? 0),
  );
  return { followed: works.length, throughFaults: throughFaults.length };
}
