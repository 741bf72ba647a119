import type { ListTasksData } from '../../generated/types.gen.ts';
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
import { finalStatuses } from './run-status.ts';
import { type ReportBegun, Settlement } from './settlement.ts';

/** What a listing leaves out: these may be large. */
const WITHOUT_DETAILS = { payload: 0, output: 0, error: 0, attempts: 0 } as const;

/** What is read of a task's last runs: everything, or a summary (openapi.yaml, listTasks, runs). */
export type RunDetail = NonNullable<NonNullable<ListTasksData['query']>['runs']>;

/** What a summary shows, so that large fields are not read. */
const SUMMARY = {
  status: 1,
  taskIdentifier: 1,
  createdAt: 1,
  updatedAt: 1,
  startedAt: 1,
  finishedAt: 1,
  durationMs: 1,
  error: 1,
} as const satisfies { [Field in keyof RunDocument]?: 1 };
export type SummaryField = keyof typeof SUMMARY;

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

/** The run belongs to this service's engine, which alone writes it. */
export class RunOfTheEngine extends Error {
  readonly runId: string;

  constructor(runId: string) {
    super(`The run ${runId} belongs to this service's engine.`);
    this.name = 'RunOfTheEngine';
    this.runId = runId;
  }
}

/** The fields of its runs that the engine changes. */
export type OwnChanges = Partial<
  Omit<RunDocument, '_id' | 'task_id' | 'account_id' | 'fence' | 'createdAt' | 'updatedAt'>
>;

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
  async findByIds(ids: string[], detail: RunDetail = 'full'): Promise<Map<string, RawRun>> {
    if (ids.length === 0) return new Map();
    // One more than there can be: a batch that is exactly full leaves the cursor open for another round trip.
    const options = {
      batchSize: ids.length + 1,
      raw: true,
      ...(detail === 'summary' && { projection: SUMMARY }),
    };
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
   * Adds or updates reported runs, by id. Repeated and late reports change nothing.
   * @throws UnknownTask, RunOfAnotherTask, RunOfTheEngine; nothing is written then, unless another request first wrote the
   * same run at the same moment.
   */
  async recordRuns(taskId: string, reports: ReportedRun[]): Promise<void> {
    if (reports.length === 0) return;
    await this.#refuseForeign(taskId, reports);
    const begun = await this.#settlement.begin(taskId);
    if (!begun) throw new UnknownTask(taskId);
    const owner = { id: taskId, account_id: begun.accountId };
    // Two first reports of a run may both insert. Retry the one that collides, because it may be newer. A retry that collides
    // is stale, or the run belongs to another task or to the engine.
    const collided = await this.#settled(
      begun,
      async () => !(await this.#write(owner, reports)) && !(await this.#write(owner, reports)),
    );
    if (collided) await this.#refuseForeign(taskId, reports);
  }

  /**
   * Adds a run of the engine, QUEUED, unless it exists.
   * @returns the stored run; null if the id belongs to a run that the engine does not own
   */
  async addOwn(entry: QueuedRun, now: Date): Promise<RunDocument | null> {
    const found = await this.findOwn(entry._id);
    if (found) return found;
    const run = newOwnRun(entry, now);
    return this.#settled(await this.#settlement.begin(entry.task_id), async () =>
      (await insertOnce(this.#runs, run)) ? run : this.findOwn(entry._id),
    );
  }

  /** A run of the engine as it is stored; null if there is none. */
  async findOwn(id: string): Promise<RunDocument | null> {
    return this.#runs.findOne({ _id: id, fence: { $exists: true } });
  }

  /**
   * Changes a run of the engine on behalf of a claim, and stores its fence, which excludes all earlier claims.
   * @param known - the run as it was read last, which saves reading it
   * @returns the run as it is now; null if it is final, or a later claim has written it: then the caller no longer owns it
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
   * Wraps every write to runs: marks their task, writes, then points the task to its last five runs and removes the mark. The
   * task's version is raised before and after, and no process caches the task meanwhile, so that no reply shows an older
   * state than an earlier one. If the process dies in between, the mark stays; the task's next write repairs its pointers,
   * because they are read from the history.
   * @param begun - null if the task was deleted, so that nothing points to the runs
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
      // Best effort: if this fails as well, the mark expires later.
      if (wasAnswered(error)) await end(begun).catch(() => undefined);
      throw error;
    }
    await end(begun);
    return result;
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
