import type { Logger } from 'pino';
import type { TombstoneStore } from '../../store/tombstone-store.ts';
import type { TriggerTasks } from '../../store/trigger-tasks.ts';
import { type HeldSchedule, type HeldSchedules, ScheduleGone } from './held-schedules.ts';

const PAGE = 500;
/** If the active strays exceed both limits, tasks are probably missing from the database. */
const MAX_STRAYS = 5;
const MAX_SHARE = 0.1;

export interface StrayOptions {
  tasks: TriggerTasks;
  tombstones: TombstoneStore;
  prefix: string;
  log: Logger;
}

/** Handles stray schedules: this installation created them, but their task does not exist. */
export class StraySchedules {
  readonly #options: StrayOptions;
  #problem: string | undefined;
  #strays = 0;

  constructor(options: StrayOptions) {
    this.#options = options;
  }

  /** `strays` does not count schedules whose task a request deleted. */
  get state(): { problem?: string; strays: number } {
    return { strays: this.#strays, ...(this.#problem !== undefined && { problem: this.#problem }) };
  }

  /**
   * Deletes strays whose task a request deleted, and deactivates the other strays. Deactivates none if there are too
   * many, because the database is then probably outdated or the wrong one.
   */
  async cleanUp(held: HeldSchedules, signal: AbortSignal): Promise<void> {
    const { log, prefix } = this.#options;
    const created = held.created();
    const { deleted, strays } = await this.#find(created);
    for (const [taskId, { id }] of deleted) {
      signal.throwIfAborted();
      if (!(await this.#exists(taskId))) await held.delete(id);
    }
    const active = strays.filter(([, schedule]) => schedule.active);
    const isStopped = active.length > MAX_STRAYS && active.length > created.size * MAX_SHARE;
    for (const [taskId, { id }] of isStopped ? [] : active) {
      signal.throwIfAborted();
      if (await this.#exists(taskId)) continue;
      await held.setActive(id, false).catch((error: unknown) => {
        if (!(error instanceof ScheduleGone)) throw error;
      });
      log.warn({ scheduleId: id, taskId }, 'deactivated a schedule whose task does not exist');
    }
    this.#strays = strays.length;
    const [first] = strays;
    const what = `${strays.length} of the ${created.size} schedules at Trigger.dev with keys "${prefix}…" have no task`;
    this.#problem =
      first &&
      (isStopped
        ? `${what}. They were not deactivated, because they are too many (more than ${MAX_STRAYS} and more than ${MAX_SHARE * 100} %). The database may be outdated or the wrong one. Restore the tasks, or delete the schedules at Trigger.dev.`
        : `${what} and were deactivated, e.g. ${first[1].id}. Restore the tasks, or delete the schedules at Trigger.dev.`);
  }

  async #find(created: Map<string, HeldSchedule>) {
    const { tasks, tombstones } = this.#options;
    const deleted: [taskId: string, HeldSchedule][] = [];
    const strays: [taskId: string, HeldSchedule][] = [];
    const all = [...created];
    for (let at = 0; at < all.length; at += PAGE) {
      const page = all.slice(at, at + PAGE);
      const ids = page.map(([taskId]) => taskId);
      const existing = new Set((await tasks.findByIds(ids)).map(({ _id }) => _id));
      const deletedTasks = await tombstones.findAll(ids.filter((id) => !existing.has(id)));
      deleted.push(...page.filter(([taskId]) => deletedTasks.has(taskId)));
      strays.push(...page.filter(([taskId]) => !existing.has(taskId) && !deletedTasks.has(taskId)));
    }
    return { deleted, strays };
  }

  /** Queries again right before a change, because the task may have been created since. */
  async #exists(taskId: string): Promise<boolean> {
    return (await this.#options.tasks.findByIds([taskId])).length > 0;
  }
}
