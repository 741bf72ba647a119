import type { Logger } from 'pino';
import { isSliceOver, nextSlice } from '../../lib/time-slices.ts';
import { parseSchedule } from '../../schedule/cron.ts';
import { fireTimes } from '../../schedule/fire-times.ts';
import type { EngineDocument } from '../../store/engine-document.ts';
import type { OccurrenceDocument } from '../../store/occurrence-document.ts';
import type { Decision, OccurrenceStore } from '../../store/occurrence-store.ts';
import { scheduledRunId } from '../../store/own-run.ts';
import type { PlanStore, PlannedTask } from '../../store/plan-store.ts';
import type { QueueClaims } from '../../store/queue-claims.ts';
import type { QueueStore } from '../../store/queue-store.ts';
import type { RunStore } from '../../store/run-store.ts';
import type { Clock } from '../port.ts';
import { type Due, ON_TIME_MS, gather, onTimeFrom, classify } from './due.ts';
import type { EngineObserver } from './observer.ts';

/** Maximum number of tasks that a pass plans, and that a sweep reads at once. */
const PAGE = 500;
/** Number of tasks planned concurrently. Each needs three writes; the database commits concurrent writes together. */
const CONCURRENT_TASKS = 32;
const LONGEST_WAIT_MS = 2_000;
const HOUR_MS = 3_600_000;
/** Maximum number of decisions about a task that are read at once. A pass makes fewer than 120. */
const DECISIONS = 1_000;

export type SampleTasks = ReadonlyMap<string, PlannedTask['updated_at']>;

const isUnchanged = (samples: SampleTasks, { _id, updated_at }: PlannedTask): boolean =>
  samples.has(_id) && (!updated_at || Number(updated_at) === Number(samples.get(_id)));

interface Stores {
  plans: PlanStore;
  occurrences: OccurrenceStore;
  queue: QueueStore;
  claims: QueueClaims;
  runs: RunStore;
}

/** Returns a task's fire times after an instant. @throws if the task's schedule or time zone is invalid */
function timesAfter({ schedule, timezone }: PlannedTask, afterMs: number): Iterable<number> {
  return fireTimes(parseSchedule(schedule), timezone ?? 'UTC', afterMs);
}

function firstAfter(task: PlannedTask, afterMs: number): number | undefined {
  try {
    for (const at of timesAfter(task, afterMs)) return at;
  } catch {
    // A task with an invalid schedule or time zone never fires.
  }
  return undefined;
}

/** Decides whether each fire time is fired, skipped or missed, and queues a run for each that is fired. */
export class Planner {
  readonly #stores: Stores;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #observer: EngineObserver;
  readonly #onQueued: () => void;

  constructor(
    stores: Stores,
    tools: { clock: Clock; log: Logger; observer: EngineObserver; onQueued: () => void },
  ) {
    this.#stores = stores;
    this.#clock = tools.clock;
    this.#log = tools.log;
    this.#observer = tools.observer;
    this.#onQueued = tools.onQueued;
  }

  /**
   * Decides the fire times of the tasks that are due.
   * @param engine - the engine's heartbeat, as this process last renewed it
   * @param stop - when aborted, ends the pass before the next decision; a later pass continues from there
   * @returns milliseconds until the next pass
   */
  async planDue(
    engine: Pick<EngineDocument, 'at' | 'live_since' | 'first_at'>,
    stop: AbortSignal,
  ): Promise<number> {
    const now = this.#clock.now();
    const tasks = await this.#stores.plans.due(now, PAGE);
    const onTimeFromMs = onTimeFrom(engine, now);
    let planned = 0;
    const rest = tasks.values();
    const work = async () => {
      for (const task of rest) {
        if (stop.aborted) return;
        try {
          const fromMs = Math.max(engine.first_at.getTime(), task.plan_from?.getTime() ?? 0);
          await this.#plan(task, { fromMs, onTimeFromMs, now, stop });
          planned += 1;
        } catch (error) {
          this.#log.error(
            { err: error, taskId: task._id },
            'failed to decide the fire times of a task; the next pass tries again',
          );
        }
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT_TASKS }, work));
    if (planned > 0 && tasks.length === PAGE) return 0;
    const next = await this.#stores.plans.nextDue(now);
    const waitMs = next ? next.getTime() - this.#clock.now().getTime() : LONGEST_WAIT_MS;
    return Math.min(LONGEST_WAIT_MS, Math.max(0, waitMs));
  }

  /**
   * Makes an enabled task due if its `next_fire_at` is missing or does not follow from its schedule. Removes problems
   * that an engine of another kind has recorded.
   * @param samples - tasks that do not become due until a user changes them
   * @returns how many tasks fire within the next hour
   */
  async sweep(samples: SampleTasks, stop: AbortSignal): Promise<number> {
    const { plans } = this.#stores;
    let soon = 0;
    for (let after = ''; !stop.aborted;) {
      const page = await plans.behind(after, PAGE);
      for (const task of page) {
        if (isSliceOver()) await nextSlice();
        const { enabled, engine_problem, next_fire_at } = task;
        if (engine_problem !== undefined) await plans.clearProblem(task);
        const now = this.#clock.now();
        const next = enabled === false ? undefined : firstAfter(task, now.getTime());
        if (next === undefined || (!next_fire_at && isUnchanged(samples, task))) continue;
        if (next - now.getTime() <= HOUR_MS) soon += 1;
        const isWrong = next_fire_at ? next_fire_at > now && next_fire_at.getTime() !== next : true;
        if (isWrong) await plans.change(task, { plan_from: now, next_fire_at: now });
      }
      const last = page.at(-1);
      if (!last || page.length < PAGE) return soon;
      after = last._id;
    }
    return soon;
  }

  async #plan(
    task: PlannedTask,
    pass: { fromMs: number; onTimeFromMs: number; now: Date; stop: AbortSignal },
  ): Promise<void> {
    const { plans } = this.#stores;
    const { fromMs, onTimeFromMs, now, stop } = pass;
    const { plan_from, next_fire_at, enabled, catch_up } = task;
    if (enabled === false) return plans.change(task, {});
    const planned = plan_from && firstAfter(task, plan_from.getTime());
    if (planned === undefined && firstAfter(task, now.getTime()) === undefined) {
      const { schedule, timezone } = task;
      this.#log.warn(
        { taskId: task._id, schedule, timezone },
        'the task never fires, because its schedule or time zone is invalid; set values that the API accepts',
      );
      return plans.change(task, { ...(plan_from && { plan_from }) });
    }
    const plannedFor = next_fire_at?.getTime();
    if (!plan_from || (plannedFor !== plan_from.getTime() && plannedFor !== planned)) {
      // Another tool changed the schedule, or the time zone has new rules.
      return plans.change(task, { plan_from: now, next_fire_at: now });
    }
    let due = await gather(timesAfter(task, fromMs), now.getTime());
    if (due.count > 1) {
      const decidedMs = await this.#completeDecided(task, fromMs, now);
      if (decidedMs > fromMs) due = await gather(timesAfter(task, decidedMs), now.getTime());
    }
    for (const one of classify(due, onTimeFromMs, catch_up ?? 'once')) {
      if (stop.aborted || !(await this.#decide(task, one, now))) return;
    }
    await plans.change(task, {
      plan_from: new Date(Math.max(now.getTime(), fromMs)),
      ...(due.next !== undefined && { next_fire_at: new Date(due.next) }),
    });
  }

  /**
   * Queues the runs of fire times that another planner decided to fire, but may have failed to queue.
   * @returns the instant up to which fire times are decided; planners decide them in ascending order
   */
  async #completeDecided({ _id, ...task }: PlannedTask, fromMs: number, now: Date): Promise<number> {
    const to = new Date(now.getTime() + 1);
    const page = { limit: DECISIONS };
    const decided = await this.#stores.occurrences.page(
      { task_id: _id, from: new Date(fromMs + 1), to },
      page,
    );
    let untilMs = fromMs;
    for (const decision of decided) {
      if (decision.outcome === 'fired') await this.#queue({ _id, ...task }, decision.scheduled_at, now);
      untilMs = Math.max(untilMs, decidedUntil(decision, now));
    }
    return untilMs;
  }

  /**
   * Stores the decision on one fire time or missed range, and queues the run of a fire time that fires. If another
   * planner was faster, its decision counts.
   * @returns false if that decision covers a different range of fire times; the task then stays due
   */
  async #decide(task: PlannedTask, due: Due, now: Date): Promise<boolean> {
    const { occurrences } = this.#stores;
    const decision = await this.#decisionOf(task, due);
    const stored = await occurrences.decide(decision, now);
    if (stored.outcome === decision.outcome) this.#observer.decided(stored.outcome);
    if (stored.outcome === 'fired') await this.#queue(task, stored.scheduled_at, now);
    return decidedUntil(stored, now) === (due.kind === 'fire' ? due.at : due.last);
  }

  async #decisionOf(task: PlannedTask, due: Due): Promise<Decision> {
    const { _id: task_id, account_id } = task;
    if (due.kind === 'missed') {
      const { first, last, count } = due;
      const range = { scheduled_at: new Date(first), last_scheduled_at: new Date(last), count };
      return { task_id, account_id, outcome: 'missed', reason: 'engine_away', ...range };
    }
    const scheduled_at = new Date(due.at);
    const reason = await this.#reasonToSkip(task, due.late);
    if (reason !== undefined) return { task_id, account_id, scheduled_at, outcome: 'skipped', reason };
    return {
      task_id,
      account_id,
      scheduled_at,
      outcome: 'fired',
      run_id: scheduledRunId(task_id, scheduled_at),
    };
  }

  async #reasonToSkip({ _id, overlap, catch_up }: PlannedTask, late: boolean): Promise<string | undefined> {
    const { claims, queue } = this.#stores;
    if ((late && catch_up === 'all') || overlap === 'allow') return undefined;
    if (overlap === 'queue') return (await queue.areWaiting(1, _id)) ? 'queue_full' : undefined;
    return (await claims.isBusy(_id)) ? 'overlap' : undefined;
  }

  async #queue(task: PlannedTask, scheduled_at: Date, now: Date): Promise<void> {
    const { queue, runs } = this.#stores;
    const { _id: task_id, account_id, overlap, catch_up } = task;
    const _id = scheduledRunId(task_id, scheduled_at);
    if (await runs.findOwn(_id)) return;
    const late = now.getTime() - scheduled_at.getTime() > ON_TIME_MS;
    const serial = overlap !== 'allow' || (late && catch_up === 'all');
    // A late fire time counts as due now, so that its expiry and its delivery timeout start now.
    const due_at = late ? now : scheduled_at;
    await queue.add({ _id, task_id, account_id, trigger: 'scheduled', scheduled_at, due_at, serial });
    this.#log.info({ taskId: task_id, runId: _id, scheduledAt: scheduled_at, late }, 'run queued');
    this.#onQueued();
  }
}

/**
 * Returns the last fire time that a decision covers. If the clock was set back, a missed range may extend into the
 * future; then only its first fire time counts.
 */
function decidedUntil(
  { scheduled_at, last_scheduled_at = scheduled_at }: OccurrenceDocument,
  now: Date,
): number {
  return (last_scheduled_at <= now ? last_scheduled_at : scheduled_at).getTime();
}
