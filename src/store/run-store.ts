import { onlyDuplicates } from '../database/failures.ts';
import { type Position, comparePosition } from './position.ts';
import type { Collections } from './collections.ts';
import type { ReportedRun, RunDocument } from './run-document.ts';
import { NEWEST_FIRST, type RunFilter, queriesOf } from './run-filter.ts';
import { RawRun } from './run-raw.ts';
import { wasAnswered, writesOf } from './run-report.ts';
import { Settlement } from './settlement.ts';

/** What a listing leaves out: these may be large. */
const WITHOUT_DETAILS = { payload: 0, output: 0, error: 0, attempts: 0 } as const;

/** How far a run is. */
export type RunState = Pick<RunDocument, '_id' | 'task_id' | 'updatedAt' | 'status'>;
const RUN_STATE = { task_id: 1, updatedAt: 1, status: 1 } as const;

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

/** Runs. */
export class RunStore {
  readonly #runs: Collections['runs'];
  readonly #settlement: Settlement;

  constructor(collections: Pick<Collections, 'runs' | 'tasks'>) {
    this.#runs = collections.runs;
    this.#settlement = new Settlement(collections);
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

  /** How far the runs of those ids are, by id. One query, however many. */
  async findStates(ids: string[]): Promise<Map<string, RunState>> {
    if (ids.length === 0) return new Map();
    const options = { projection: RUN_STATE, batchSize: ids.length + 1 };
    const found = await this.#runs.find<RunState>({ _id: { $in: ids } }, options).toArray();
    return new Map(found.map((state) => [state._id, state]));
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
   * Whether a task and an account belong together, where both are asked for: its runs all have its owner's account, so that
   * the newest tells. Otherwise the whole history of a foreign task would be read, in vain, and for a time that tells of it.
   */
  async #mayMatch({ task_id, account_id }: RunFilter): Promise<boolean> {
    if (task_id === undefined || account_id === undefined) return true;
    const options = { projection: { account_id: 1 }, sort: NEWEST_FIRST };
    return (await this.#runs.findOne({ task_id }, options))?.account_id === account_id;
  }

  /**
   * The one place that writes what is reported of runs: marks their task, adds or updates them by id, then points the task to its last five
   * and takes the mark away; the task's version is raised before and after. Meanwhile, no process keeps in memory what it
   * sees of the task, so that nobody is shown an older state than somebody was before. Repeated and late reports change
   * nothing. If the process dies in between, the mark stays, and the next report of the task mends its pointers, because
   * they are read from the history, not computed from the report.
   * @throws UnknownTask, RunOfAnotherTask; nothing is written then, unless another task's first report of the same run
   * came in the same moment.
   */
  async recordRuns(taskId: string, reports: ReportedRun[]): Promise<void> {
    if (reports.length === 0) return;
    await this.#refuseForeign(taskId, reports);
    const begun = await this.#settlement.begin(taskId);
    if (!begun) throw new UnknownTask(taskId);
    const owner = { id: taskId, account_id: begun.accountId };
    let collided = false;
    try {
      // Two first reports of a run may both find nothing and both insert. The one that loses is sent again, because it
      // may be the newer; what collides with a run that is there is stale, or that run is of another task.
      collided = !(await this.#write(owner, reports)) && !(await this.#write(owner, reports));
    } catch (error) {
      // What hinders that too is no news; the mark then stays.
      if (wasAnswered(error)) await this.#settlement.end(begun).catch(() => undefined);
      throw error;
    }
    await this.#settlement.end(begun);
    if (collided) await this.#refuseForeign(taskId, reports);
  }

  /** @returns whether each report was written, without a collision. */
  async #write(task: { id: string; account_id: string }, reports: ReportedRun[]): Promise<boolean> {
    try {
      await this.#runs.bulkWrite(writesOf(task, reports), { ordered: false, ignoreUndefined: true });
      return true;
    } catch (error) {
      if (!onlyDuplicates(error)) throw error;
      return false;
    }
  }

  async #refuseForeign(taskId: string, reports: ReportedRun[]): Promise<void> {
    const foreign = await this.#runs.findOne(
      { _id: { $in: reports.map(({ id }) => id) }, task_id: { $ne: taskId } },
      { projection: { _id: 1 } },
    );
    if (foreign) throw new RunOfAnotherTask(foreign._id);
  }
}
