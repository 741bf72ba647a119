import { isDeepStrictEqual } from 'node:util';
import { ObjectId } from 'mongodb';
import type { Collections } from './collections.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import { STORED_COUNTS, type StoredCounts, changeTask, correctCounts } from './task-change.ts';
import type { RunPointer } from './task-document.ts';
import { NEWEST_FIRST } from './run-filter.ts';

/** How many of its last runs a task points to (openapi.yaml, Task.recent_runs). */
export const RECENT_RUNS = 5;

/** Each lost race means that another copy of the service got on, so that many in a row is a fault, not load. */
const MAX_ATTEMPTS = 100;

/**
 * A report that was marked as being recorded for longer has been given up: its process died, or lost its database. Longer
 * than any takes, and than the clocks of several copies of the service differ.
 */
const GIVEN_UP_MS = 600_000;
/** Marks that a task bears at most, should reports of it fail again and again. */
const MAX_MARKS = 1_000;

/** The fields in which a task records its runs. */
type TaskState = StoredCounts & { recent_runs?: unknown };
const TASK_STATE = { ...STORED_COUNTS, recent_runs: 1 } as const satisfies Record<keyof TaskState, 1>;

/** A mark of another type, or of an instant far in the future, comes from no report, so no report would remove it. */
const isGivenUp = (mark: unknown): boolean =>
  !(mark instanceof ObjectId) || Math.abs(Date.now() - mark.getTimestamp().getTime()) > GIVEN_UP_MS;

const givenUpMarks = ({ recording }: TaskState): unknown[] =>
  Array.isArray(recording) ? recording.filter(isGivenUp) : [];

/** The last runs of a task, newest first, from the history. */
export async function lastRunsOf(taskId: string, runs: Collections['runs']): Promise<RunPointer[]> {
  const options = { projection: { createdAt: 1 }, sort: NEWEST_FIRST, limit: RECENT_RUNS };
  const last = await runs.find({ task_id: taskId }, options).toArray();
  return last.map(({ _id, createdAt }) => ({ id: _id, createdAt }));
}

/** A report that is being recorded. */
export interface ReportBegun {
  taskId: string;
  /** The task's owner, under whose account the runs are stored. */
  accountId: string;
  mark: ObjectId;
  /** The task's state with the mark. */
  state: TaskState;
}

/**
 * Keeps a task's pointers to its last runs, and its version, consistent with the history. RunStore calls `begin` before it
 * writes runs, and `end` afterwards.
 */
export class Settlement {
  readonly #runs: Collections['runs'];
  readonly #tasks: Collections['tasks'];
  /** By task: the marks of reports that are written and not settled yet. */
  readonly #written = new Map<string, ObjectId[]>();
  readonly #settling = new SingleFlight<void>();

  constructor({ runs, tasks }: Pick<Collections, 'runs' | 'tasks'>) {
    this.#runs = runs;
    this.#tasks = tasks;
  }

  /**
   * Marks a task, and raises its version, before any of its runs changes: what was read of it before is not taken for
   * what it is now, and what is read until the mark is gone is not kept.
   * @returns null where there is no such task
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
   * Removes the mark of a report that added no run: the task points to the same runs as before. If another report was begun
   * before and may not have ended, the pointers are read from the history as in `end`.
   */
  async endUnmoved(begun: ReportBegun): Promise<void> {
    const { taskId: _id, mark, state } = begun;
    const isAlone = Array.isArray(state.recording) && state.recording.length === 1;
    if (!isAlone) return this.end(begun);
    await this.#tasks.updateOne({ _id }, { $pullAll: { recording: [mark] }, $inc: { version: 1 } });
  }

  /** Points the task to its last runs and removes the report's mark. Reports that end at once share one update. */
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
   * Points a task to its last runs, and removes the marks of reports that were given up, where a process died in between or
   * another tool wrote runs.
   * @returns whether anything was wrong; false also where the task is gone
   */
  async mend(taskId: string): Promise<boolean> {
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
   * Reads the task's state before the history, and writes only where nobody has settled the task in between. Another report
   * that adds a run after that history was read settles the task later: either this update fails and is tried again, or the
   * other comes after it and sees all runs.
   * @param marks - of the reports that have been recorded
   * @param known - the task's state as it was read last
   */
  async #settle(taskId: string, marks: ObjectId[] = [], known?: TaskState): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const task = (attempt === 0 && known) || (await this.#stateOf(taskId));
      // Deleted since: its runs were recorded before.
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
