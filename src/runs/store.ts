import type { Position } from '../cursor.ts';
import type { Collections } from '../database/collections.ts';
import type { RunPointer, TaskDocument } from '../tasks/document.ts';
import type { RunRecord } from './document.ts';
import { type RunFilter, queriesOf } from './filter.ts';
import { RawRun } from './raw.ts';
import { onlyDuplicates, reportOf } from './report.ts';

/** How many of its last runs a task points to (openapi.yaml, Task.recent_runs). */
export const RECENT_RUNS = 5;

/** Each lost race means that another writer got on, so that many in a row is a fault, not load. */
const MAX_ATTEMPTS = 100;

/** Runs that are filed under another account at once. */
const MOVED_AT_ONCE = 1_000;

/** The order of listings, and of a task's last runs. */
const NEWEST_FIRST = { createdAt: -1, _id: -1 } as const;

/** What a listing leaves out: these may be large. */
const WITHOUT_DETAILS = { payload: 0, output: 0, error: 0, attempts: 0 } as const;

/** No task has this id. */
export class UnknownTask extends Error {
  constructor(taskId: string) {
    super(`There is no task ${taskId}.`);
    this.name = 'UnknownTask';
  }
}

/** The run is there, and belongs to another task. */
export class RunOfAnotherTask extends Error {
  readonly runId: string;

  constructor(runId: string) {
    super(`The run ${runId} belongs to another task.`);
    this.name = 'RunOfAnotherTask';
    this.runId = runId;
  }
}

/** What recording runs must know of their task. */
type TaskState = Pick<TaskDocument, 'version' | 'account_id' | 'runs_account_id' | 'recent_runs'>;

function comparePosition(one: Position, other: Position): number {
  const later = other.createdAt.getTime() - one.createdAt.getTime();
  // As the database orders texts: by their bytes in UTF-8.
  return later === 0 ? Buffer.compare(Buffer.from(other.id), Buffer.from(one.id)) : later;
}

function samePointers(some: RunPointer[] | undefined, others: RunPointer[]): boolean {
  const text = (pointers: RunPointer[]) =>
    JSON.stringify(pointers.map(({ id, createdAt }) => [id, createdAt.getTime()]));
  return some !== undefined && text(some) === text(others);
}

/** Runs, the tasks' pointers to them, and the accounts they are filed under. */
export class RunStore {
  readonly #runs: Collections['runs'];
  readonly #tasks: Collections['tasks'];

  constructor({ runs, tasks }: Pick<Collections, 'runs' | 'tasks'>) {
    this.#runs = runs;
    this.#tasks = tasks;
  }

  /** The run of that id, complete, if it matches; null where it does not or there is none. */
  async find(id: string, filter: RunFilter): Promise<RawRun | null> {
    const found = await this.#runs.findOne(
      { $and: [{ _id: id }, { $or: queriesOf(filter) }] },
      { raw: true },
    );
    return found && new RawRun(found);
  }

  /** The runs of those ids by id; an id that no run has is left out. One query, however many. */
  async findByIds(ids: string[]): Promise<Map<string, RawRun>> {
    if (ids.length === 0) return new Map();
    // One more than there can be: a batch that is exactly full leaves the cursor open for another round trip.
    const options = { batchSize: ids.length + 1, raw: true };
    const found = await this.#runs.find({ _id: { $in: ids } }, options).toArray();
    return new Map(found.map((document) => new RawRun(document)).map((run) => [run.id, run]));
  }

  /** The first runs that match, newest first, behind a position: at most `limit`, without their details. */
  async page(filter: RunFilter, page: { after?: Position; limit: number }): Promise<RawRun[]> {
    const { after, limit } = page;
    if (!(await this.#mayMatch(filter))) return [];
    const options = {
      projection: WITHOUT_DETAILS,
      sort: NEWEST_FIRST,
      limit,
      batchSize: limit + 1,
      raw: true,
    };
    const found = await Promise.all(
      queriesOf(filter, after).map((query) => this.#runs.find(query, options).toArray()),
    );
    const runs = found.flat().map((document) => new RawRun(document));
    if (found.length === 1) return runs;
    return runs
      .map((run) => ({ run, position: run.position }))
      .toSorted((one, other) => comparePosition(one.position, other.position))
      .slice(0, limit)
      .map(({ run }) => run);
  }

  /**
   * Whether a task and an account belong together, where both are asked for: its runs have one account all, so that the
   * newest tells. Otherwise the whole history of a foreign task would be read, in vain, and for a time that tells of it.
   */
  async #mayMatch({ task_id, account_id }: RunFilter): Promise<boolean> {
    if (task_id === undefined || account_id === undefined) return true;
    const options = { projection: { account_id: 1 }, sort: NEWEST_FIRST };
    return (await this.#runs.findOne({ task_id }, options))?.account_id === account_id;
  }

  /**
   * The one place that writes runs: adds or updates them by id, then points their task to its last five and raises
   * the task's version. Repeated and late reports change nothing. If the process dies between the two writes, the next
   * report of the task mends its pointers, because they are read from the history, not computed from the report.
   * @throws UnknownTask, RunOfAnotherTask; nothing is written then, unless another task's first report of the same run
   * came in the same moment.
   */
  async recordRuns(taskId: string, reports: RunRecord[]): Promise<void> {
    if (reports.length === 0) return;
    const [task] = await Promise.all([this.#stateOf(taskId), this.#refuseForeign(taskId, reports)]);
    if (!task) throw new UnknownTask(taskId);
    const owner = { id: taskId, account_id: task.account_id };
    // Two first reports of a run may both find nothing and both insert. The one that loses is sent again, because it
    // may be the newer; what collides with a run that is there is stale, or that run is of another task.
    if (!(await this.#write(owner, reports)) && !(await this.#write(owner, reports))) {
      await this.#refuseForeign(taskId, reports);
    }
    // It may have moved while they were written for the account it had.
    await this.#settle(taskId, (accountId) => accountId !== task.account_id);
  }

  /** @returns whether each report was written, without a collision. */
  async #write(task: { id: string; account_id: string }, reports: RunRecord[]): Promise<boolean> {
    try {
      await this.#runs.bulkWrite(
        reports.map((report) => reportOf(task, report)),
        { ordered: false, ignoreUndefined: true },
      );
      return true;
    } catch (error) {
      if (!onlyDuplicates(error)) throw error;
      return false;
    }
  }

  async #refuseForeign(taskId: string, reports: RunRecord[]): Promise<void> {
    const foreign = await this.#runs.findOne(
      { _id: { $in: reports.map(({ id }) => id) }, task_id: { $ne: taskId } },
      { projection: { _id: 1 } },
    );
    if (foreign) throw new RunOfAnotherTask(foreign._id);
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
      task.runs_account_id === task.account_id &&
      samePointers(task.recent_runs, await this.#readRecentRuns(taskId)) &&
      (await this.#runs.findOne(misfiled, { projection: { _id: 1 } })) === null;
    if (!right) await this.#settle(taskId, () => true);
    return !right;
  }

  /**
   * The task's state is read before the history, and written only where its version is still the same: whoever adds a run
   * after that history was read, or moves the task to another account, raises the version later, so that either this
   * update fails and is tried again, or theirs comes after it and sees all.
   * @param isMisfiled - whether there may be runs under another account than the task's, which it is given
   */
  async #settle(taskId: string, isMisfiled: (accountId: string) => boolean): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const task = await this.#stateOf(taskId);
      // Deleted since: its runs were recorded before.
      if (!task) return;
      const { version, account_id } = task;
      if (task.runs_account_id !== account_id || isMisfiled(account_id)) await this.#file(taskId, account_id);
      const recent_runs = await this.#readRecentRuns(taskId);
      const { matchedCount } = await this.#tasks.updateOne(
        { _id: taskId, version },
        { $set: { recent_runs, runs_account_id: account_id }, $inc: { version: 1 } },
      );
      if (matchedCount === 1) return;
    }
    throw new Error(`Task ${taskId} changed ${MAX_ATTEMPTS} times while its runs were being recorded.`);
  }

  /** Files all runs of a task under an account, some at a time: a history can be long. */
  async #file(taskId: string, accountId: string): Promise<void> {
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
    const projection = { version: 1, account_id: 1, runs_account_id: 1, recent_runs: 1 };
    return this.#tasks.findOne<TaskState>({ _id: taskId }, { projection });
  }

  async #readRecentRuns(taskId: string): Promise<RunPointer[]> {
    const runs = await this.#runs
      .find({ task_id: taskId }, { projection: { createdAt: 1 }, sort: NEWEST_FIRST, limit: RECENT_RUNS })
      .toArray();
    return runs.map((run) => ({ id: run._id, createdAt: run.createdAt }));
  }
}
