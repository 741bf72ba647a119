import type { Logger } from 'pino';
import { forEachConcurrently } from '../../lib/concurrency.ts';
import type { TombstoneDocument } from '../../store/tombstone-document.ts';
import type { TombstoneStore } from '../../store/tombstone-store.ts';
import { unsupportedFields } from '../../store/trigger-fields.ts';
import type { TriggerTask, TriggerTasks } from '../../store/trigger-tasks.ts';
import type { Clock } from '../port.ts';
import { type ScheduleFields, type TriggerApi, TriggerFailure } from './api.ts';
import { type HeldSchedule, HeldSchedules, ScheduleGone } from './held-schedules.ts';
import type { Part } from './part.ts';
import { Refusals } from './refusals.ts';
import { StraySchedules } from './stray-schedules.ts';

const PASS_MS = 2_000;
const FULL_PASS_MS = 600_000;
const PAGE = 100;
/** Number of tasks compared with their schedules concurrently. The API client limits the rate of calls. */
const CONCURRENT_TASKS = 8;
/** Maximum number of times that a pass compares a task whose schedule keeps disappearing at Trigger.dev. */
const ATTEMPTS = 5;

export interface SchedulesOptions {
  api: TriggerApi;
  tasks: TriggerTasks;
  tombstones: TombstoneStore;
  /** Prefix of the deduplication keys of this installation's schedules. The task's id follows it. */
  prefix: string;
  /** Identifier of the task at Trigger.dev that executes this service's tasks. */
  task: string;
  clock: Clock;
  log: Logger;
}

const differs = (held: HeldSchedule, wanted: ScheduleFields): boolean =>
  held.task !== wanted.task ||
  held.cron !== wanted.cron ||
  held.timezone !== wanted.timezone ||
  held.externalId !== wanted.externalId;

/** Returns a task's `engine_problem`: a refusal of its schedule, and fields that Trigger.dev ignores. Null if none. */
function problemOf(task: TriggerTask, refusal: string | undefined): string | null {
  const ignored = unsupportedFields(task).map(
    ({ field, value, behavior }) =>
      `Field "${field}" is ${JSON.stringify(value)}, but Trigger.dev ${behavior}.`,
  );
  return [...(refusal === undefined ? [] : [refusal]), ...ignored].join(' ') || null;
}

/**
 * Creates, changes and deletes schedules at Trigger.dev so that they match the tasks. Passes must not overlap. A pass
 * throws TriggerFailure if Trigger.dev cannot be used; the next pass continues the work.
 */
export class Schedules implements Part {
  readonly name = 'schedules';
  readonly everyMs = PASS_MS;
  readonly #options: SchedulesOptions;
  readonly #strays: StraySchedules;
  /** The schedules at Trigger.dev. Undefined if they must be listed again. */
  #held: HeldSchedules | undefined;
  #nextFullPassMs = -Infinity;
  /** Id of the last task that the unfinished full pass has compared. Undefined if no full pass is unfinished. */
  #after: string | undefined;
  /** Ids of tasks whose last call to Trigger.dev failed, although Trigger.dev may have executed the call. */
  readonly #unsure = new Set<string>();
  /** Ids of tasks and deleted tasks whose last call to Trigger.dev failed. They come last, as others may succeed. */
  readonly #failed = new Set<string>();
  #creations = new Refusals();
  #updates = new Refusals();

  constructor(options: SchedulesOptions) {
    this.#options = options;
    this.#strays = new StraySchedules(options);
  }

  figures(): { strays: number } {
    return { strays: this.state().strays };
  }

  state(): { problem?: string; strays: number } {
    return this.#strays.state;
  }

  /** Compares tasks with their schedules at Trigger.dev: all tasks every 10 minutes, otherwise only changed ones. */
  async run(signal: AbortSignal): Promise<string | undefined> {
    const isDue = this.#options.clock.monotonicMs() >= this.#nextFullPassMs;
    await (isDue ? this.fullPass(signal) : this.shortPass(signal));
    return this.state().problem;
  }

  /** Compares all tasks with all schedules, and handles stray schedules. */
  async fullPass(signal: AbortSignal): Promise<void> {
    const { tasks, clock } = this.#options;
    if (this.#after === undefined) {
      this.#held = undefined;
      await this.#heldSchedules();
      this.#forgetRefusals();
      this.#after = '';
    }
    for (let isLast = false; !isLast;) {
      const page = await tasks.behind(this.#after, PAGE);
      await this.#compareAll(page, signal);
      // Compare changed tasks after every page, so that they do not wait for the end of a long pass.
      await this.#compareChanged(signal);
      this.#after = page.at(-1)?._id ?? this.#after;
      isLast = page.length < PAGE;
    }
    await this.#strays.cleanUp(await this.#heldSchedules(), signal);
    this.#after = undefined;
    this.#nextFullPassMs = clock.monotonicMs() + FULL_PASS_MS;
    await this.#retryFailed(signal);
  }

  /** Compares changed tasks with their schedules, and deletes the schedules of deleted tasks. */
  async shortPass(signal: AbortSignal): Promise<void> {
    this.#forgetRefusals();
    await this.#compareChanged(signal);
    await this.#retryFailed(signal);
  }

  #forgetRefusals(): void {
    this.#creations = new Refusals();
    this.#updates = new Refusals();
  }

  /** Returns the schedules at Trigger.dev. Lists them first unless a current copy exists. */
  async #heldSchedules(): Promise<HeldSchedules> {
    if (this.#held) return this.#held;
    this.#held = await HeldSchedules.list(this.#options.api, this.#options.prefix);
    this.#unsure.clear();
    return this.#held;
  }

  async #compareChanged(signal: AbortSignal): Promise<void> {
    const { tasks, tombstones, clock } = this.#options;
    await this.#heldSchedules();
    await this.#compareAll(await tasks.due(clock.now(), PAGE), signal);
    // Read the tombstones last: a task may have been deleted while its schedule was created.
    const deleted = await tombstones.pending(PAGE, clock.now());
    if (deleted.some(({ _id }) => this.#unsure.has(_id))) this.#held = undefined;
    await this.#deleteAll(deleted, signal);
  }

  /** Compares tasks with their schedules. Skips tasks whose last call to Trigger.dev failed. */
  async #compareAll(tasks: TriggerTask[], signal: AbortSignal): Promise<void> {
    await forEachConcurrently(tasks, CONCURRENT_TASKS, async (task) => {
      signal.throwIfAborted();
      if (!this.#failed.has(task._id)) await this.#trackFailure(task, async () => this.#compare(task));
    });
  }

  /** Deletes the schedules of deleted tasks. Skips tasks whose last call to Trigger.dev failed. */
  async #deleteAll(deleted: TombstoneDocument[], signal: AbortSignal): Promise<void> {
    for (const tombstone of deleted) {
      signal.throwIfAborted();
      if (!this.#failed.has(tombstone._id))
        await this.#trackFailure(tombstone, async () => this.#deleteSchedules(tombstone));
    }
  }

  /** Does the work for a task. If Trigger.dev cannot be reached, adds the task to `#failed`. */
  async #trackFailure({ _id }: { _id: string }, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof TriggerFailure && error.kind === 'unreachable') this.#failed.add(_id);
      throw error;
    }
  }

  /** Retries the tasks in `#failed` in order. Stops at the first that fails again, and moves it to the end of the set. */
  async #retryFailed(signal: AbortSignal): Promise<void> {
    const { tasks, tombstones } = this.#options;
    for (const id of this.#failed) {
      this.#failed.delete(id);
      const [task] = await tasks.findByIds([id]);
      const tombstone = (await tombstones.findAll([id])).get(id);
      if (task) await this.#compareAll([task], signal);
      else if (tombstone?.pending) await this.#deleteAll([tombstone], signal);
    }
  }

  /** Synchronizes the schedule of a task, and records the result on the task. */
  async #compare(task: TriggerTask, attempt = 1): Promise<void> {
    let refusal: string | undefined;
    let scheduleId: string | undefined;
    try {
      scheduleId = await this.#synchronize(task);
      this.#unsure.delete(task._id);
    } catch (error) {
      if (error instanceof ScheduleGone && attempt < ATTEMPTS) return this.#compare(task, attempt + 1);
      if (!(error instanceof TriggerFailure || error instanceof ScheduleGone)) throw error;
      if (error instanceof TriggerFailure && error.kind !== 'refused' && error.kind !== 'notFound') {
        this.#unsure.add(task._id);
        throw error;
      }
      refusal = error.message;
    }
    await this.#options.tasks.settle(task, {
      trigger_schedule_id: scheduleId,
      engine_problem: problemOf(task, refusal),
    });
  }

  /** Makes the schedule of a task match the task. @returns the schedule's id; undefined if the task needs none */
  async #synchronize(task: TriggerTask): Promise<string | undefined> {
    const held = await this.#heldSchedules();
    const isUnsure = this.#unsure.has(task._id);
    const isEnabled = task.enabled !== false;
    const fields: ScheduleFields = {
      task: this.#options.task,
      cron: task.schedule,
      timezone: task.timezone ?? 'UTC',
      externalId: task._id,
    };
    const [own, ...others] = await this.#schedulesOf(task);
    for (const { id, active } of others) if (active) await held.setActive(id, false);
    if (!own) {
      if (!isEnabled && !isUnsure) return undefined;
      const created = await this.#creations.guard(fields, () => held.create(fields));
      if (created.active !== isEnabled) await held.setActive(created.id, isEnabled);
      return created.id;
    }
    let current = own;
    // Deactivate the schedule first, because Trigger.dev may refuse the update.
    if (!isEnabled && (own.active || isUnsure)) current = await held.setActive(own.id, false);
    if (isUnsure || differs(own, fields))
      current = await this.#updates.guard(fields, () => held.update(own.id, fields));
    if (isEnabled && !current.active) await held.setActive(own.id, true);
    return own.id;
  }

  /** Returns the schedules of a task. The first is the one to keep, and the others are duplicates. */
  async #schedulesOf(task: Pick<TriggerTask, '_id' | 'trigger_schedule_id'>): Promise<HeldSchedule[]> {
    const held = await this.#heldSchedules();
    const ofTask = held.ofTask(task._id);
    const named = held.get(task.trigger_schedule_id ?? '');
    if (!named) return ofTask;
    const others = ofTask.filter(({ id }) => id !== named.id);
    if (others.length < ofTask.length) return [named, ...others];
    // Several tasks may have the same trigger_schedule_id, e.g. if a task was copied by hand in the database.
    const isOfAnother = named.isCreated || (await this.#exists(named.taskId));
    return isOfAnother ? ofTask : [named, ...ofTask];
  }

  async #exists(taskId: string | undefined): Promise<boolean> {
    return taskId !== undefined && (await this.#options.tasks.findByIds([taskId])).length > 0;
  }

  async #deleteSchedules(tombstone: TombstoneDocument): Promise<void> {
    const held = await this.#heldSchedules();
    for (const { id } of await this.#schedulesOf(tombstone)) await held.delete(id);
    await this.#options.tombstones.done(tombstone);
  }
}
