import { ObjectId } from 'mongodb';
import type { Collections } from '../database/collections.ts';
import { Rounds } from '../rounds.ts';
import type { RunPointer, TaskDocument } from '../tasks/document.ts';
import { NEWEST_FIRST } from './filter.ts';

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

/** Runs that are filed under another account at once. */
const MOVED_AT_ONCE = 1_000;

/** What a task says of its runs. */
type TaskState = Pick<TaskDocument, 'account_id' | 'runs_account_id' | 'runs_version' | 'recording'> &
  Partial<Pick<TaskDocument, 'recent_runs'>>;
const TASK_STATE = {
  account_id: 1,
  runs_account_id: 1,
  runs_version: 1,
  recent_runs: 1,
  recording: 1,
} as const satisfies Record<keyof TaskState, 1>;

const isGivenUp = (mark: ObjectId) => Date.now() - mark.getTimestamp().getTime() > GIVEN_UP_MS;

function samePointers(some: RunPointer[] | undefined, others: RunPointer[]): boolean {
  const text = (pointers: RunPointer[]) =>
    JSON.stringify(pointers.map(({ id, createdAt }) => [id, createdAt.getTime()]));
  return some !== undefined && text(some) === text(others);
}

/** The last runs of a task, newest first, from the history. */
export async function lastRunsOf(taskId: string, runs: Collections['runs']): Promise<RunPointer[]> {
  const options = { projection: { createdAt: 1 }, sort: NEWEST_FIRST, limit: RECENT_RUNS };
  const last = await runs.find({ task_id: taskId }, options).toArray();
  return last.map(({ _id, createdAt }) => ({ id: _id, createdAt }));
}

/** A report that is being recorded: of which task, and of which account that was. */
export interface ReportBegun {
  taskId: string;
  accountId: string;
  mark: ObjectId;
}

/** What reports have written of a task that is not settled yet: their marks, and the accounts they wrote for. */
interface Written {
  marks: ObjectId[];
  accounts: Set<string>;
}

/**
 * What tasks say of their runs, and runs of their tasks, kept right: a task points to its last five, and all bear its
 * account. Whoever writes runs begins before and ends behind that, as RunStore does.
 */
export class Settlement {
  readonly #runs: Collections['runs'];
  readonly #tasks: Collections['tasks'];
  readonly #written = new Map<string, Written>();
  readonly #rounds = new Rounds<void>();

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
    const task = await this.#tasks.findOneAndUpdate(
      { _id: taskId },
      { $push: { recording: { $each: [mark], $slice: -MAX_MARKS } }, $inc: { version: 1 } },
      { projection: { account_id: 1 } },
    );
    return task && { taskId, accountId: task.account_id, mark };
  }

  /**
   * Makes the task right about what a report has written, and takes its mark away. However many reports of a task end at
   * once, that is done for all of them together.
   */
  async end({ taskId, accountId, mark }: ReportBegun): Promise<void> {
    const written = this.#written.get(taskId) ?? { marks: [], accounts: new Set() };
    written.marks.push(mark);
    written.accounts.add(accountId);
    this.#written.set(taskId, written);
    await this.#rounds.ask(taskId, async () => {
      const all = this.#written.get(taskId) ?? written;
      this.#written.delete(taskId);
      // It may have moved while they were written for the account it had.
      await this.#settle(
        taskId,
        (current) => [...all.accounts].some((account) => account !== current),
        all.marks,
      );
    });
  }

  /**
   * Makes a task right about its runs, and them about it: it points to its last five, and all bear its account. Does so
   * after a report, and after whatever was interrupted.
   * @returns whether anything was wrong; false also where the task is gone
   */
  async mend(taskId: string): Promise<boolean> {
    const task = await this.#stateOf(taskId);
    if (!task) return false;
    const misfiled = { task_id: taskId, account_id: { $ne: task.account_id } };
    const right =
      !task.recording?.some(isGivenUp) &&
      task.runs_account_id === task.account_id &&
      samePointers(task.recent_runs, await lastRunsOf(taskId, this.#runs)) &&
      (await this.#runs.findOne(misfiled, { projection: { _id: 1 } })) === null;
    if (!right) await this.#settle(taskId, () => true);
    return !right;
  }

  /**
   * The task's state is read before the history, and written only where nobody has settled or moved it in between. Whoever
   * adds a run after that history was read, or moves the task to another account, settles the task later, so that either
   * this update fails and is tried again, or theirs comes after it and sees all.
   * @param isMisfiled - whether there may be runs under another account than the task's, which it is given
   * @param marks - of the reports that have been recorded
   */
  async #settle(
    taskId: string,
    isMisfiled: (accountId: string) => boolean,
    marks: ObjectId[] = [],
  ): Promise<void> {
    let hasFiled = false;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const task = await this.#stateOf(taskId);
      // Deleted since: its runs were recorded before.
      if (!task) return;
      const { account_id, runs_account_id, runs_version } = task;
      const givenUp = task.recording?.filter(isGivenUp) ?? [];
      // What an attempt in vain has filed, and what was given up, may be under an account that the task has left since.
      if (hasFiled || givenUp.length > 0 || runs_account_id !== account_id || isMisfiled(account_id)) {
        await this.file(taskId, account_id);
        hasFiled = true;
      }
      const last = await lastRunsOf(taskId, this.#runs);
      const { matchedCount } = await this.#tasks.updateOne(
        { _id: taskId, account_id, runs_version: runs_version ?? { $exists: false } },
        {
          $set: { recent_runs: last, runs_account_id: account_id },
          $pullAll: { recording: [...marks, ...givenUp] },
          $inc: { version: 1, runs_version: 1 },
        },
      );
      if (matchedCount === 1) return;
    }
    throw new Error(`Task ${taskId} changed ${MAX_ATTEMPTS} times while its runs were being recorded.`);
  }

  /** Files all runs of a task under an account, some at a time: a history can be long. */
  async file(taskId: string, accountId: string): Promise<void> {
    const wrong = { task_id: taskId, account_id: { $ne: accountId } };
    const found = this.#runs.find(wrong, { projection: { _id: 1 }, batchSize: MOVED_AT_ONCE });
    let ids: string[] = [];
    const move = async () => {
      if (ids.length > 0)
        await this.#runs.updateMany({ _id: { $in: ids } }, { $set: { account_id: accountId } });
      ids = [];
    };
    for await (const { _id } of found) {
      ids.push(_id);
      if (ids.length === MOVED_AT_ONCE) await move();
    }
    await move();
  }

  async #stateOf(taskId: string): Promise<TaskState | null> {
    return this.#tasks.findOne<TaskState>({ _id: taskId }, { projection: TASK_STATE });
  }
}
