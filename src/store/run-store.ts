import { onlyDuplicates } from '../database/failures.ts';
import { type Position, comparePosition } from './position.ts';
import type { Collections } from './collections.ts';
import type { ReportedRun, RunDocument } from './run-document.ts';
import { insertOnce } from './insert-missing.ts';
import { newOwnRun } from './own-run.ts';
import type { QueuedRun } from './queue-document.ts';
import { NEWEST_FIRST, type RunFilter, queriesOf } from './run-filter.ts';
import { RawRun } from './run-raw.ts';
import { wasAnswered, writesOf } from './run-report.ts';
import { finalStatuses, openStatuses } from './run-status.ts';
import { type ReportBegun, Settlement } from './settlement.ts';

/** Excludes the fields that listings leave out because they may be large (openapi.yaml, listRuns). */
const WITHOUT_DETAILS = { payload: 0, output: 0, error: 0, attempts: 0 } as const;

/** The fields that show the progress of a run and which engine executes it. */
export type RunState = Pick<RunDocument, '_id' | keyof typeof RUN_STATE>;
const RUN_STATE = {
  task_id: 1,
  account_id: 1,
  createdAt: 1,
  updatedAt: 1,
  status: 1,
  depth: 1,
  fence: 1,
  engine_run_id: 1,
  unreported: 1,
} as const satisfies Partial<Record<keyof RunDocument, 1>>;

export class UnknownTask extends Error {
  constructor(taskId: string) {
    super(`There is no task ${taskId}.`);
    this.name = 'UnknownTask';
  }
}

export class RunOfAnotherTask extends Error {
  readonly runId: string;

  constructor(runId: string) {
    super(`The run ${runId} belongs to another task.`);
    this.name = 'RunOfAnotherTask';
    this.runId = runId;
  }
}

/** Thrown if a reported run belongs to this service's own engine, which alone may write it. */
export class RunOfTheEngine extends Error {
  readonly runId: string;

  constructor(runId: string) {
    super(`The run ${runId} belongs to this service's engine.`);
    this.name = 'RunOfTheEngine';
    this.runId = runId;
  }
}

/** The fields of a run that this service's engine may change. */
export type OwnChanges = Partial<
  Omit<
    RunDocument,
    '_id' | 'task_id' | 'account_id' | 'fence' | 'engine_run_id' | 'unreported' | 'createdAt' | 'updatedAt'
  >
>;

export class RunStore {
  readonly #runs: Collections['runs'];
  readonly #settlement: Settlement;

  constructor(collections: Pick<Collections, 'runs' | 'tasks'>) {
    this.#runs = collections.runs;
    this.#settlement = new Settlement(collections);
  }

  /** Returns the run with this id and all of its fields; null if it does not exist or does not match the filter. */
  async find(id: string, filter: RunFilter): Promise<RawRun | null> {
    const found = await this.#runs.findOne(
      { $and: [{ _id: id }, { $or: queriesOf(filter) }] },
      { raw: true },
    );
    return found && new RawRun(found);
  }

  /**
   * Finds runs by id in one query. The map has no entry for an unknown id.
   * @param fields - stored names of the fields to read; undefined reads all fields
   */
  async findByIds(ids: string[], fields?: readonly string[]): Promise<Map<string, RawRun>> {
    if (ids.length === 0) return new Map();
    // One more than the maximum: a batch that is exactly full leaves the cursor open, which costs another round trip.
    const options = {
      batchSize: ids.length + 1,
      raw: true,
      ...(fields && { projection: Object.fromEntries(fields.map((field) => [field, 1])) }),
    };
    const found = await this.#runs.find({ _id: { $in: ids } }, options).toArray();
    return new Map(found.map((document) => new RawRun(document)).map((run) => [run.id, run]));
  }

  /** Finds the states of runs by id in one query. The map has no entry for an unknown id. */
  async findStates(ids: string[]): Promise<Map<string, RunState>> {
    if (ids.length === 0) return new Map();
    const options = { projection: RUN_STATE, batchSize: ids.length + 1 };
    const found = await this.#runs.find<RunState>({ _id: { $in: ids } }, options).toArray();
    return new Map(found.map((state) => [state._id, state]));
  }

  /** Returns up to `limit` matching runs after a position, newest first, without their large fields. */
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
   * Whether the task belongs to the account, if the filter has both. All runs of a task have its owner's account, so
   * reading the newest is enough. Without this check, a query for another account's task would scan its whole history,
   * and its duration would reveal that history.
   */
  async #mayMatch({ task_id, account_id }: RunFilter): Promise<boolean> {
    if (task_id === undefined || account_id === undefined) return true;
    const options = { projection: { account_id: 1 }, sort: NEWEST_FIRST };
    return (await this.#runs.findOne({ task_id }, options))?.account_id === account_id;
  }

  /**
   * Stores the reported runs of a task. Repeated and outdated reports change nothing.
   * @param accountId - account of the task's owner; if given, the reports are stored even if the task was deleted
   * @throws UnknownTask, RunOfAnotherTask, RunOfTheEngine. Nothing is written then, unless another request concurrently
   *   inserts the same run.
   */
  async recordRuns(taskId: string, reports: ReportedRun[], accountId?: string): Promise<void> {
    if (reports.length === 0) return;
    await this.#refuseForeign(taskId, reports);
    const begun = await this.#settlement.begin(taskId);
    const account_id = begun?.accountId ?? accountId;
    if (account_id === undefined) throw new UnknownTask(taskId);
    const owner = { id: taskId, account_id };
    // Two first reports of a run may race to insert the run. Retry after a collision, because the report that lost may
    // be newer. If the retry collides too, the report is outdated, or the run belongs to another task or to the engine.
    const collided = await this.#settled(
      begun,
      async () => !(await this.#write(owner, reports)) && !(await this.#write(owner, reports)),
    );
    if (collided) await this.#refuseForeign(taskId, reports);
  }

  /**
   * Inserts the run of a queue entry with status QUEUED unless the run exists.
   * @returns the stored run; null if the id belongs to a run that this service's engine does not execute
   */
  async addOwn(entry: QueuedRun, now: Date): Promise<RunDocument | null> {
    const found = await this.findOwn(entry._id);
    if (found) return found;
    const run = newOwnRun(entry, now);
    return this.#settled(await this.#settlement.begin(entry.task_id), async () =>
      (await insertOnce(this.#runs, run)) ? run : this.findOwn(entry._id),
    );
  }

  /**
   * Returns a run that this service's own engine executes; null if the run does not exist or another engine executes
   * it.
   */
  async findOwn(id: string): Promise<RunDocument | null> {
    return this.#runs.findOne({ _id: id, fence: { $exists: true } });
  }

  /**
   * Changes a run of this service's engine on behalf of the worker that has claimed it. Stores the fence of the claim,
   * so that workers with earlier claims can no longer change the run.
   * @param known - the run as last read, to save a query
   * @returns the changed run; null if the run has ended, or if a worker with a later claim has written it
   */
  async writeOwn(
    { _id, task_id, fence }: Pick<QueuedRun, '_id' | 'task_id' | 'fence'>,
    changes: OwnChanges,
    now: Date,
    known?: Pick<RunDocument, 'updatedAt'>,
  ): Promise<RunDocument | null> {
    const mine = { _id, fence: { $lte: fence }, status: { $nin: [...finalStatuses] } };
    const read = () => this.#runs.findOne(mine, { projection: { updatedAt: 1 } });
    let before = known ?? (await read());
    if (!before) return null;
    const write = async () => {
      for (;;) {
        if (!before) return null;
        const { updatedAt } = before;
        const after = await this.#runs.findOneAndUpdate(
          { ...mine, updatedAt },
          {
            $set: {
              ...changes,
              fence,
              updatedAt: new Date(Math.max(updatedAt.getTime() + 1, now.getTime())),
            },
          },
          { returnDocument: 'after', ignoreUndefined: true },
        );
        if (after) return after;
        before = await read();
      }
    };
    const begun = await this.#settlement.begin(task_id);
    return this.#settled(begun, write, (one) => this.#settlement.endUnmoved(one));
  }

  /**
   * Marks a run of this service's engine as handed over to Trigger.dev. From then on, reports from there change the
   * run, and workers with a claim on it no longer can. Call `writeOwn` with the claim before Trigger.dev receives the
   * run, so that no worker with an earlier claim ends the run meanwhile.
   * @param engineRunId - the run's id at Trigger.dev
   * @returns whether the run is handed over, by this call or an earlier one; false if the run has ended, or if a worker
   *   with a later claim has written it
   */
  async handOver(
    { _id, task_id, fence }: Pick<QueuedRun, '_id' | 'task_id' | 'fence'>,
    engineRunId: string,
  ): Promise<boolean> {
    const mine = { _id, fence: { $lte: fence }, status: { $nin: [...finalStatuses] } };
    const change = {
      $set: { engine_run_id: engineRunId, unreported: true },
      $unset: { fence: 1 },
    } as const;
    const write = async () => {
      const { matchedCount } = await this.#runs.updateOne(mine, change);
      return matchedCount === 1 || (await this.#runs.findOne({ _id, engine_run_id: engineRunId })) !== null;
    };
    const begun = await this.#settlement.begin(task_id);
    return this.#settled(begun, write, (one) => this.#settlement.endUnmoved(one));
  }

  /**
   * Yields the stored runs that Trigger.dev executes and that have not ended, in pages of `size`. Each page is its own
   * query.
   */
  async *openAtTrigger(size: number): AsyncGenerator<RunState[], void, undefined> {
    const options = { projection: RUN_STATE, sort: NEWEST_FIRST, limit: size, batchSize: size + 1 };
    for (const status of openStatuses) {
      let after: Position | undefined;
      do {
        const [query = {}] = queriesOf({ status: [status] }, after);
        const page = await this.#runs
          .find<RunState>({ ...query, engine_run_id: { $exists: true } }, options)
          .toArray();
        if (page.length > 0) yield page;
        const last = page.length === size ? page.at(-1) : undefined;
        after = last && { id: last._id, createdAt: last.createdAt };
      } while (after);
    }
  }

  /**
   * Executes a write to the runs of a task that `Settlement.begin` has marked. Then updates the task's pointers to its
   * last five runs and removes the mark. The task's version increases before and after the write, and no process caches
   * a marked task, so a reply never shows an older state than an earlier reply. If the process dies in between, the
   * mark stays, and the next write to the task's runs rebuilds the pointers from the collection `runs`.
   * @param begun - null if the task was deleted, so that no pointers need an update
   */
  async #settled<Result>(
    begun: ReportBegun | null,
    write: () => Promise<Result>,
    end = (report: ReportBegun) => this.#settlement.end(report),
  ): Promise<Result> {
    if (!begun) return write();
    let result: Result;
    try {
      result = await write();
    } catch (error) {
      // Best effort: if this fails as well, the mark counts as abandoned after ten minutes.
      if (wasAnswered(error)) await end(begun).catch(() => undefined);
      throw error;
    }
    await end(begun);
    return result;
  }

  /** @returns false if a report collided with a stored run that it must not replace */
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
      {
        _id: { $in: reports.map(({ id }) => id) },
        $or: [{ task_id: { $ne: taskId } }, { fence: { $exists: true } }],
      },
      { projection: { task_id: 1 } },
    );
    if (!foreign) return;
    throw foreign.task_id === taskId ? new RunOfTheEngine(foreign._id) : new RunOfAnotherTask(foreign._id);
  }
}
