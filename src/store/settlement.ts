import { isDeepStrictEqual } from 'node:util';
import { ObjectId } from 'mongodb';
import type { Collections } from './collections.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import { STORED_COUNTS, type StoredCounts, changeTask, correctCounts } from './task-change.ts';
import type { RunPointer } from './task-document.ts';
import { NEWEST_FIRST } from './run-filter.ts';

/** Number of last runs to which a task points (openapi.yaml, Task.recent_runs). */
export const RECENT_RUNS = 5;

/**
 * Maximum number of attempts to update a task's pointers. An attempt fails only if another process has updated the task
 * meanwhile, so reaching the limit indicates a bug, not load.
 */
const MAX_ATTEMPTS = 100;

/**
 * Age at which the mark of a write counts as abandoned, because the writing process has died or lost its connection to
 * the database. Exceeds the duration of any write to runs, and the clock skew between copies of the service.
 */
const GIVEN_UP_MS = 600_000;
/**
 * Maximum number of marks on a task. Limits the size of the task if writes to its runs keep failing without removing
 * their marks.
 */
const MAX_MARKS = 1_000;

/** The fields of a task that track writes to its runs, as stored. */
type TaskState = StoredCounts & { recent_runs?: unknown };
const TASK_STATE = { ...STORED_COUNTS, recent_runs: 1 } as const satisfies Record<keyof TaskState, 1>;

/**
 * Whether the mark of a write is abandoned. A mark of another type or far in the future counts too, because no write
 * made it and none would ever remove it.
 */
const isGivenUp = (mark: unknown): boolean =>
  !(mark instanceof ObjectId) || Math.abs(Date.now() - mark.getTimestamp().getTime()) > GIVEN_UP_MS;

const givenUpMarks = ({ recording }: TaskState): unknown[] =>
  Array.isArray(recording) ? recording.filter(isGivenUp) : [];

/** Returns the pointers that a task should have, newest first, from the collection `runs`. */
export async function lastRunsOf(taskId: string, runs: Collections['runs']): Promise<RunPointer[]> {
  const options = { projection: { createdAt: 1 }, sort: NEWEST_FIRST, limit: RECENT_RUNS };
  const last = await runs.find({ task_id: taskId }, options).toArray();
  return last.map(({ _id, createdAt }) => ({ id: _id, createdAt }));
}

/** An ongoing write to a task's runs, with the data for updating the task's pointers and removing the mark. */
export interface ReportBegun {
  taskId: string;
  /** The account that owns the task. Every run of the task stores it too. */
  accountId: string;
  mark: ObjectId;
  /** The tracking fields of the task, including the mark. */
  state: TaskState;
}

/**
 * Keeps a task's pointers to its last runs, and its version, consistent with the collection `runs`. Before RunStore
 * writes runs, it calls `begin`, which adds a mark to the task. After the write, it calls `end`, which updates the
 * pointers and removes the mark.
 */
export class Settlement {
  readonly #runs: Collections['runs'];
  readonly #tasks: Collections['tasks'];
  /** Marks of completed writes that the task's pointers do not reflect yet, by task id. */
  readonly #written = new Map<string, ObjectId[]>();
  readonly #settling = new SingleFlight<void>();

  constructor({ runs, tasks }: Pick<Collections, 'runs' | 'tasks'>) {
    this.#runs = runs;
    this.#tasks = tasks;
  }

  /**
   * Marks a task and increments its version before any of its runs changes. The new version invalidates all cached JSON
   * of the task. While the mark is present, no process caches the task.
   * @returns null if the task does not exist
   */
  async begin(taskId: string): Promise<ReportBegun | null> {
    const mark = new ObjectId();
    const task = await changeTask(
      this.#tasks,
      { _id: taskId },
      { $push: { recording: { $each: [mark], $slice: -MAX_MARKS } } },
      { projection: { account_id: 1, ...TASK_STATE } },
    );
    return task && { taskId, accountId: task.account_id, mark, state: task };
  }

  /**
   * Removes the mark of a write that added no run and thus left the pointers valid. If the task had other marks when
   * the write began, falls back to `end`, which reads the pointers from the collection `runs`.
   */
  async endUnmoved(begun: ReportBegun): Promise<void> {
    const { taskId: _id, mark, state } = begun;
    const isAlone = Array.isArray(state.recording) && state.recording.length === 1;
    if (!isAlone) return this.end(begun);
    await this.#tasks.updateOne({ _id }, { $pullAll: { recording: [mark] }, $inc: { version: 1 } });
  }

  /** Updates the task's pointers and removes the mark. Concurrent calls for a task share one update. */
  async end({ taskId, mark, state }: ReportBegun): Promise<void> {
    const marks = this.#written.get(taskId) ?? [];
    marks.push(mark);
    this.#written.set(taskId, marks);
    await this.#settling.run(taskId, async () => {
      const all = this.#written.get(taskId) ?? [];
      this.#written.delete(taskId);
      await this.#settle(taskId, all, state);
    });
  }

  /**
   * Rebuilds a task's pointers and removes abandoned marks, after a process died or another tool wrote runs.
   * @returns whether the task was inconsistent; false if it does not exist
   */
  async repair(taskId: string): Promise<boolean> {
    const task = await this.#stateOf(taskId);
    if (!task) return false;
    const isWrong =
      (await correctCounts(this.#tasks, taskId, task)) ||
      givenUpMarks(task).length > 0 ||
      !isDeepStrictEqual(task.recent_runs, await lastRunsOf(taskId, this.#runs));
    if (isWrong) await this.#settle(taskId);
    return isWrong;
  }

  /**
   * Reads the task, then its last runs, and updates the pointers only if no other call has updated them in between
   * (`runs_version`). Another write may add a run after this call has read the runs. That write updates the pointers
   * too: if it does so before this call, this call retries; if it does so afterwards, it has read all runs.
   * @param marks - marks of the completed writes, which this update removes
   * @param known - the tracking fields of the task as last read, to save a query
   */
  async #settle(taskId: string, marks: ObjectId[] = [], known?: TaskState): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const task = (attempt === 0 && known) || (await this.#stateOf(taskId));
      // The task was deleted meanwhile; its runs are already recorded.
      if (!task) return;
      if (await correctCounts(this.#tasks, taskId, task)) continue;
      const last = await lastRunsOf(taskId, this.#runs);
      const { matchedCount } = await this.#tasks.updateOne(
        {
          _id: taskId,
          runs_version: 'runs_version' in task ? Number(task.runs_version) : { $exists: false },
        },
        {
          $set: { recent_runs: last },
          $pullAll: { recording: [...marks, ...givenUpMarks(task)] },
          $inc: { version: 1, runs_version: 1 },
        },
      );
      if (matchedCount === 1) return;
    }
    throw new Error(
      `Failed to update the last runs of task ${taskId}: other writes changed it during all ${MAX_ATTEMPTS} attempts.`,
    );
  }

  async #stateOf(taskId: string): Promise<TaskState | null> {
    return this.#tasks.findOne<TaskState>({ _id: taskId }, { projection: TASK_STATE });
  }
}
