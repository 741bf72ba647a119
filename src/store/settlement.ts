import { isDeepStrictEqual } from 'node:util';
import { ObjectId } from 'mongodb';
import type { Collections } from './collections.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import { STORED_COUNTS, type StoredCounts, changeTask, correctCounts } from './task-change.ts';
import type { RunPointer } from './task-document.ts';
import { NEWEST_FIRST } from './run-filter.ts';

/** Number of run pointers in a task (openapi.yaml, Task.recent_runs). */
export const RECENT_RUNS = 5;

/**
 * Maximum number of attempts. Each lost race means that another process made progress, so reaching the limit is a
 * bug, not load.
 */
const MAX_ATTEMPTS = 100;

/**
 * A mark older than this is abandoned: its process died or lost its database. Exceeds the duration of any report and
 * the clock skew between copies.
 */
const GIVEN_UP_MS = 600_000;
/** Maximum number of marks on a task, in case its reports keep failing. */
const MAX_MARKS = 1_000;

/** The fields in which a task tracks its runs. */
type TaskState = StoredCounts & { recent_runs?: unknown };
const TASK_STATE = { ...STORED_COUNTS, recent_runs: 1 } as const satisfies Record<keyof TaskState, 1>;

/** A mark of another type, or far in the future, comes from no report, so no report would ever remove it. */
const isGivenUp = (mark: unknown): boolean =>
  !(mark instanceof ObjectId) || Math.abs(Date.now() - mark.getTimestamp().getTime()) > GIVEN_UP_MS;

const givenUpMarks = ({ recording }: TaskState): unknown[] =>
  Array.isArray(recording) ? recording.filter(isGivenUp) : [];

/** Reads the pointers to a task's last runs from the history, newest first. */
export async function lastRunsOf(taskId: string, runs: Collections['runs']): Promise<RunPointer[]> {
  const options = { projection: { createdAt: 1 }, sort: NEWEST_FIRST, limit: RECENT_RUNS };
  const last = await runs.find({ task_id: taskId }, options).toArray();
  return last.map(({ _id, createdAt }) => ({ id: _id, createdAt }));
}

/** A report in progress: the marked task, and what is needed to update its pointers and remove the mark. */
export interface ReportBegun {
  taskId: string;
  /** The task's owner, whose account the runs get. */
  accountId: string;
  mark: ObjectId;
  /** The task's state with the mark. */
  state: TaskState;
}

/**
 * Keeps a task's pointers to its last runs, and its version, consistent with the history. RunStore calls `begin` before
 * it writes runs and `end` afterwards.
 */
export class Settlement {
  readonly #runs: Collections['runs'];
  readonly #tasks: Collections['tasks'];
  /** Marks of reports that are written but not settled, by task. */
  readonly #written = new Map<string, ObjectId[]>();
  readonly #settling = new SingleFlight<void>();

  constructor({ runs, tasks }: Pick<Collections, 'runs' | 'tasks'>) {
    this.#runs = runs;
    this.#tasks = tasks;
  }

  /**
   * Marks a task and increments its version before any of its runs changes. This invalidates earlier cached reads; while
   * the mark is present, reads are not cached.
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
   * Removes the mark of a report that added no run, so that the pointers stay valid. If another report is in progress,
   * falls back to `end`, which reads the pointers from the history.
   */
  async endUnmoved(begun: ReportBegun): Promise<void> {
    const { taskId: _id, mark, state } = begun;
    const isAlone = Array.isArray(state.recording) && state.recording.length === 1;
    if (!isAlone) return this.end(begun);
    await this.#tasks.updateOne({ _id }, { $pullAll: { recording: [mark] }, $inc: { version: 1 } });
  }

  /** Updates the task's pointers and removes the report's mark. Concurrent reports of a task share one update. */
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
   * @returns whether anything was wrong; false if the task does not exist
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
   * Reads the task's state, then the history, and writes only if nobody has settled the task in between. A report may
   * add a run after the history was read; it settles the task too. If it settles first, this write fails and is
   * retried. If it settles second, it sees all runs.
   * @param marks - marks of the recorded reports
   * @param known - the task's state as last read
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
    throw new Error(`Task ${taskId} changed ${MAX_ATTEMPTS} times while its runs were being recorded.`);
  }

  async #stateOf(taskId: string): Promise<TaskState | null> {
    return this.#tasks.findOne<TaskState>({ _id: taskId }, { projection: TASK_STATE });
  }
}
