import { parseSchedule } from '../../../src/schedule/cron.ts';
import { fireTimes } from '../../../src/schedule/fire-times.ts';
import type { OccurrenceDocument } from '../../../src/store/occurrence-document.ts';
import { scheduledRunId } from '../../../src/store/own-run.ts';
import { finalStatuses } from '../../../src/store/run-status.ts';
import type { TaskDocument } from '../../../src/store/task-document.ts';
import type { Call, Result } from './simulation.ts';

function groupsOf<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item)) ?? [];
    group.push(item);
    groups.set(keyOf(item), group);
  }
  return groups;
}

function timesOf({ schedule, timezone }: TaskDocument, start: Date, untilMs: number): number[] {
  const times: number[] = [];
  for (const at of fireTimes(parseSchedule(schedule), timezone ?? 'UTC', start.getTime())) {
    if (at > untilMs) break;
    times.push(at);
  }
  return times;
}

const lastOf = ({ scheduled_at, last_scheduled_at = scheduled_at }: OccurrenceDocument) =>
  last_scheduled_at.getTime();

/** The fire times whose outcome is settled, each with the decisions about it. */
export function decisionsOf({ plan, tasks, occurrences, settledAt }: Result) {
  const byTask = groupsOf(occurrences, ({ task_id }) => task_id);
  return tasks.flatMap((task) => {
    const times = timesOf(task, plan.start, settledAt.getTime());
    const decided = new Map<number, OccurrenceDocument[]>(times.map((at) => [at, []]));
    for (const one of byTask.get(task._id) ?? [])
      for (const at of times)
        if (one.scheduled_at.getTime() <= at && at <= lastOf(one)) decided.get(at)?.push(one);
    return [...decided].map(([at, decisions]) => ({ task, at, decisions }));
  });
}

/** Each fire time is exactly one run, or one recorded skip or miss. */
export function problemsOfOccurrences(result: Result): string[] {
  const { plan, tasks, occurrences, runs, queued, manual, settledAt } = result;
  const problems: string[] = [];
  const byId = new Map(runs.map((run) => [run._id, run]));
  for (const { task, at, decisions } of decisionsOf(result)) {
    const of = `task ${task._id}, ${new Date(at).toISOString()}:`;
    const outcomes = decisions.map(({ outcome }) => outcome);
    // A clock that ran ahead may have recorded a gap that reaches into the future; fire times in it are decided again.
    const counted =
      plan.withJumps && outcomes.length > 1 ? outcomes.filter((one) => one !== 'missed') : outcomes;
    const isDecided = counted.length === 1 || (counted.length === 0 && outcomes.length > 0);
    if (!isDecided) problems.push(`${of} decided as [${outcomes}]`);
    const run = byId.get(scheduledRunId(task._id, new Date(at)));
    if (outcomes.includes('fired') !== (run !== undefined))
      problems.push(`${of} [${outcomes}], run ${run?.status}`);
    if (run && !finalStatuses.some((one) => one === run.status))
      problems.push(`${of} its run is ${run.status}`);
  }
  const fired = new Set(occurrences.flatMap(({ run_id }) => run_id ?? []));
  for (const { _id } of runs)
    if (fired.has(_id) === manual.has(_id))
      problems.push(`run ${_id} belongs to no fire time and no request`);
  for (const id of manual) if (!byId.has(id)) problems.push(`the requested run ${id} is lost`);
  for (const { _id, due_at } of queued) if (due_at < settledAt) problems.push(`run ${_id} is still queued`);
  const taskOf = new Map(tasks.map((task) => [task._id, task]));
  for (const one of occurrences) {
    const task = taskOf.get(one.task_id);
    if (one.outcome !== 'missed' || !task) continue;
    const from = new Date(one.scheduled_at.getTime() - 1);
    const { length } = timesOf(task, from, lastOf(one));
    if (length !== one.count) problems.push(`${one._id} counts ${one.count} of ${length} missed fire times`);
  }
  return problems;
}

/** Serial runs of a task never execute at the same time. */
export function problemsOfOverlap({ calls }: Result): string[] {
  return calls
    .filter(({ besides }) => besides.length > 0)
    .map(
      ({ job, by, besides, atMs }) =>
        `run ${job.run.id} of ${by} at ${atMs} began while ${besides} executed another`,
    );
}

/** Whether a run may be given to an executor again without the loss of a lease. */
function mayFollow(before: Call, call: Call): boolean {
  const isNewAttempt = call.job.attempt > before.job.attempt;
  switch (before.answer) {
    case 'undelivered':
      return true;
    case 'failed':
      return isNewAttempt;
    case 'aborted':
      // After a time-out, or by the process that got the work handed over.
      return isNewAttempt || call.location !== undefined;
    default:
      return false;
  }
}

/** A run is delivered once per attempt. Its executor is called again only if that is due, or after a lost lease. */
export function problemsOfCalls({ tasks, calls, lost, runs }: Result): string[] {
  const problems: string[] = [];
  const completed = new Set<string>();
  for (const [id, ofRun] of groupsOf(calls, ({ job }) => job.run.id)) {
    const delivered = new Set<number>();
    for (const [at, call] of ofRun.entries()) {
      const { answer, location, job, atMs } = call;
      if (answer === 'completed') completed.add(id);
      if (location === undefined && answer !== 'undelivered') {
        if (delivered.has(job.attempt))
          problems.push(`run ${id}: attempt ${job.attempt} was delivered twice`);
        delivered.add(job.attempt);
      }
      const before = ofRun[at - 1];
      if (!before || mayFollow(before, call)) continue;
      const wasLost = lost.some(
        (one) => one.claim === before.claim && before.atMs <= one.atMs && one.atMs <= atMs,
      );
      if (!wasLost)
        problems.push(`run ${id}: called at ${before.atMs}, and again at ${atMs} without a lost lease`);
    }
  }
  for (const { claim, atMs, isNeedless } of lost)
    if (isNeedless)
      problems.push(`run ${claim?.entry._id}: at ${atMs} its process lived, and lost the lease`);
  const most = new Map(tasks.map(({ _id, max_attempts = 1 }) => [_id, max_attempts]));
  for (const { _id, task_id, status, attempts = [] } of runs) {
    if (attempts.length > (most.get(task_id) ?? 1))
      problems.push(`run ${_id} has ${attempts.length} attempts`);
    if (status === 'COMPLETED' && !completed.has(_id))
      problems.push(`run ${_id} is COMPLETED, its work is not`);
  }
  return problems;
}

/** A task points to its last runs. */
export function problemsOfTasks({ tasks, runs }: Result): string[] {
  const byTask = groupsOf(runs, ({ task_id }) => task_id);
  return tasks.flatMap(({ _id, recent_runs }) => {
    const newest = (byTask.get(_id) ?? [])
      .toSorted(
        (one, other) => Number(other.createdAt) - Number(one.createdAt) || (one._id < other._id ? 1 : -1),
      )
      .slice(0, 5);
    const expected = newest.map((run) => run._id).join(' ');
    const pointers = recent_runs.map(({ id }) => id).join(' ');
    return pointers === expected ? [] : [`task ${_id} points to ${pointers}, not to ${expected}`];
  });
}
