import type { Filter } from 'mongodb';
import type { Collections } from './collections.ts';
import { changeTask } from './task-change.ts';
import type { TaskDocument } from './task-document.ts';

const PLANNED_TASK = {
  account_id: 1,
  schedule: 1,
  timezone: 1,
  enabled: 1,
  updated_at: 1,
  overlap: 1,
  catch_up: 1,
  engine_problem: 1,
  plan_from: 1,
  next_fire_at: 1,
} as const satisfies Partial<Record<keyof TaskDocument, 1>>;

/** The fields of a task that the planner reads. */
export type PlannedTask = Pick<TaskDocument, '_id' | keyof typeof PLANNED_TASK>;

/**
 * A task's plan: the instant up to which its fire times are decided, and the instant at which the planner next
 * processes the task. A field that is undefined in the plan is removed from the task.
 */
export type Plan = Pick<TaskDocument, 'plan_from' | 'next_fire_at'>;

/**
 * Reads and writes the plans of tasks for the planner. Writing a plan does not increment the task's version, because no
 * reply shows the plan.
 */
export class PlanStore {
  readonly #tasks: Collections['tasks'];

  constructor({ tasks }: Pick<Collections, 'tasks'>) {
    this.#tasks = tasks;
  }

  /** Returns up to `limit` tasks whose `next_fire_at` is not after `now`, earliest first. */
  async due(now: Date, limit: number): Promise<PlannedTask[]> {
    return this.#page({ next_fire_at: { $lte: now } }, { next_fire_at: 1 }, limit);
  }

  /** Returns the earliest `next_fire_at` after `now` among all tasks; undefined if there is none. */
  async nextDue(now: Date): Promise<Date | undefined> {
    const [first] = await this.#page({ next_fire_at: { $gt: now } }, { next_fire_at: 1 }, 1);
    return first?.next_fire_at ?? undefined;
  }

  /** Returns up to `limit` tasks whose ids follow `id`, in order of their ids. */
  async behind(id: string, limit: number): Promise<PlannedTask[]> {
    return this.#page({ _id: { $gt: id } }, { _id: 1 }, limit);
  }

  /** Replaces a task's plan unless another process has changed it since `seen` was read. */
  async change(seen: PlannedTask, { plan_from, next_fire_at }: Plan): Promise<void> {
    const set = { ...(plan_from && { plan_from }), ...(next_fire_at && { next_fire_at }) };
    const unset: { plan_from?: 1; next_fire_at?: 1 } = {
      ...(!plan_from && { plan_from: 1 }),
      ...(!next_fire_at && { next_fire_at: 1 }),
    };
    await this.#tasks.updateOne(
      {
        _id: seen._id,
        // Null also matches a missing field.
        plan_from: seen.plan_from ?? null,
        next_fire_at: seen.next_fire_at ?? null,
      },
      {
        ...(Object.keys(set).length > 0 && { $set: set }),
        ...(Object.keys(unset).length > 0 && { $unset: unset }),
      },
    );
  }

  /**
   * Removes the `engine_problem` that the Trigger.dev engine has stored on a task, after another kind of engine took
   * over.
   */
  async clearProblem({ _id, engine_problem }: PlannedTask): Promise<void> {
    await changeTask(this.#tasks, { _id, engine_problem }, { $unset: { engine_problem: 1 } });
  }

  async #page(query: Filter<TaskDocument>, sort: Record<string, 1>, limit: number): Promise<PlannedTask[]> {
    const options = { projection: PLANNED_TASK, sort, limit, batchSize: limit + 1 };
    return this.#tasks.find<PlannedTask>(query, options).toArray();
  }
}
