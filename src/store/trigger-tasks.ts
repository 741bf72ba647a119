import type { Filter } from 'mongodb';
import type { Collections } from './collections.ts';
import { changeTask } from './task-change.ts';
import type { TaskDocument } from './task-document.ts';

/** Maximum length of `engine_problem`, in characters (openapi.yaml, Task.engine_problem). */
const MAX_PROBLEM = 1_000;

const TRIGGER_TASK = {
  schedule: 1,
  timezone: 1,
  enabled: 1,
  overlap: 1,
  catch_up: 1,
  timeout_seconds: 1,
  max_attempts: 1,
  trigger_schedule_id: 1,
  engine_problem: 1,
  plan_from: 1,
  next_fire_at: 1,
} as const satisfies Partial<Record<keyof TaskDocument, 1>>;

/** The fields of a task that the Trigger.dev engine reads. */
export type TriggerTask = Pick<TaskDocument, '_id' | keyof typeof TRIGGER_TASK>;

/**
 * What the Trigger.dev engine has found out about a task. Undefined leaves a field of the task unchanged; a null
 * `engine_problem` removes it.
 */
export interface TriggerFindings {
  trigger_schedule_id?: string;
  engine_problem?: string | null;
}

/**
 * Reads and updates tasks for the Trigger.dev engine. A task is due if its schedule may differ from the one at
 * Trigger.dev: `next_fire_at` is set whenever the schedule changes, and removed when the two schedules agree.
 */
export class TriggerTasks {
  readonly #tasks: Collections['tasks'];

  constructor({ tasks }: Pick<Collections, 'tasks'>) {
    this.#tasks = tasks;
  }

  /** Returns up to `limit` tasks whose `next_fire_at` is not after `now`, earliest first. */
  async due(now: Date, limit: number): Promise<TriggerTask[]> {
    return this.#page({ next_fire_at: { $lte: now } }, { next_fire_at: 1 }, limit);
  }

  /** Returns up to `limit` tasks whose ids follow `id`, in order of their ids. */
  async behind(id: string, limit: number): Promise<TriggerTask[]> {
    return this.#page({ _id: { $gt: id } }, { _id: 1 }, limit);
  }

  /** Finds tasks by id in one query, in any order. */
  async findByIds(ids: string[]): Promise<TriggerTask[]> {
    return ids.length === 0 ? [] : this.#page({ _id: { $in: ids } }, { _id: 1 }, ids.length);
  }

  /**
   * Records that a task's schedule was compared with the one at Trigger.dev, and stores what the engine has found.
   * Increments the task's version only if a field that replies show changes.
   * @returns false if the task has become due again since it was read, or was deleted; nothing is written then
   */
  async settle(seen: TriggerTask, findings: TriggerFindings): Promise<boolean> {
    const { trigger_schedule_id, engine_problem } = changesOf(seen, findings);
    const set = {
      ...(trigger_schedule_id !== undefined && { trigger_schedule_id }),
      ...(typeof engine_problem === 'string' && { engine_problem }),
    };
    const isPublished = trigger_schedule_id !== undefined || engine_problem !== undefined;
    const isPlanned = seen.plan_from !== undefined || seen.next_fire_at !== undefined;
    if (!isPublished && !isPlanned) return true;
    const asSeen: Filter<TaskDocument> = {
      _id: seen._id,
      // Null also matches a missing field.
      plan_from: seen.plan_from ?? null,
      next_fire_at: seen.next_fire_at ?? null,
    };
    const unset: { plan_from: 1; next_fire_at: 1; engine_problem?: 1 } = {
      plan_from: 1,
      next_fire_at: 1,
      ...(engine_problem === null && { engine_problem: 1 }),
    };
    // Some servers reject an operator without fields.
    const change = { $unset: unset, ...(Object.keys(set).length > 0 && { $set: set }) };
    if (isPublished) return (await changeTask(this.#tasks, asSeen, change)) !== null;
    return (await this.#tasks.updateOne(asSeen, change)).matchedCount === 1;
  }

  async #page(query: Filter<TaskDocument>, sort: Record<string, 1>, limit: number): Promise<TriggerTask[]> {
    const options = { projection: TRIGGER_TASK, sort, limit, batchSize: limit + 1 };
    return this.#tasks.find<TriggerTask>(query, options).toArray();
  }
}

/** Returns the findings that differ from the task's fields. */
function changesOf(seen: TriggerTask, findings: TriggerFindings): TriggerFindings {
  const { trigger_schedule_id } = findings;
  const problem = findings.engine_problem?.slice(0, MAX_PROBLEM) ?? findings.engine_problem;
  return {
    ...(trigger_schedule_id !== seen.trigger_schedule_id &&
      trigger_schedule_id !== undefined && { trigger_schedule_id }),
    ...(problem !== undefined && problem !== (seen.engine_problem ?? null) && { engine_problem: problem }),
  };
}
