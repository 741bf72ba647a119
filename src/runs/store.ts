import { MongoBulkWriteError } from 'mongodb';
import type { AnyBulkWriteOperation } from 'mongodb';
import type { Collections } from '../database/collections.ts';
import type { RunPointer } from '../tasks/document.ts';
import type { RunDocument, RunRecord } from './document.ts';
import { finalStatuses } from './status.ts';

/** How many of its last runs a task points to (openapi.yaml, Task.recent_runs). */
const RECENT_RUNS = 5;

/** Each lost race means that another writer got on, so that many in a row is a fault, not load. */
const MAX_POINTER_ATTEMPTS = 100;

const DUPLICATE_KEY = 11000;

/** No task has this id. */
export class UnknownTask extends Error {
  constructor(taskId: string) {
    super(`There is no task ${taskId}.`);
    this.name = 'UnknownTask';
  }
}

/**
 * Writes the report where it is news: over a state that is not newer, and that is not final unless in that same final
 * status. Where the run exists in any other state, or at another task, the upsert collides with its _id.
 */
function reportOf(taskId: string, { id, ...fields }: RunRecord): AnyBulkWriteOperation<RunDocument> {
  return {
    replaceOne: {
      filter: {
        _id: id,
        task_id: taskId,
        updatedAt: { $lte: fields.updatedAt },
        $or: [{ status: { $nin: finalStatuses } }, { status: fields.status }],
      },
      replacement: { ...fields, task_id: taskId },
      upsert: true,
    },
  };
}

function onlyDuplicates(error: unknown): boolean {
  if (!(error instanceof MongoBulkWriteError)) return false;
  const failures = [error.writeErrors].flat();
  return failures.length > 0 && failures.every(({ code }) => code === DUPLICATE_KEY);
}

/** Runs and the tasks' pointers to them. */
export class RunStore {
  readonly #runs: Collections['runs'];
  readonly #tasks: Collections['tasks'];

  constructor({ runs, tasks }: Pick<Collections, 'runs' | 'tasks'>) {
    this.#runs = runs;
    this.#tasks = tasks;
  }

  /** The runs of those ids by id; an id that no run has is left out. One query, however many. */
  async findByIds(ids: string[]): Promise<Map<string, RunDocument>> {
    if (ids.length === 0) return new Map();
    // One more than there can be: a batch that is exactly full leaves the cursor open for another round trip.
    const found = await this.#runs.find({ _id: { $in: ids } }, { batchSize: ids.length + 1 }).toArray();
    return new Map(found.map((run) => [run._id, run]));
  }

  /**
   * The one place that writes runs: adds or updates them by id, then points their task to its last five and raises
   * the task's version. Repeated and late reports change nothing. If the process dies between the two writes, the next
   * report of the task mends its pointers, because they are read from the history, not computed from the report.
   * @throws UnknownTask where there is no such task; nothing is written then.
   */
  async recordRuns(taskId: string, reports: RunRecord[]): Promise<void> {
    if (reports.length === 0) return;
    await this.#versionOf(taskId);
    // Two first reports of a run may both find nothing and both insert. The one that loses is sent again, because it
    // may be the newer; what collides with a run that is there is stale.
    if (!(await this.#write(taskId, reports))) await this.#write(taskId, reports);
    await this.#pointToRecentRuns(taskId);
  }

  /** @returns whether each report was written, without a collision. */
  async #write(taskId: string, reports: RunRecord[]): Promise<boolean> {
    try {
      await this.#runs.bulkWrite(
        reports.map((report) => reportOf(taskId, report)),
        { ordered: false, ignoreUndefined: true },
      );
      return true;
    } catch (error) {
      if (!onlyDuplicates(error)) throw error;
      return false;
    }
  }

  /**
   * The version is read before the history: whoever adds a run after that history was read raises the version later,
   * so that either this update fails and is tried again, or theirs comes after it and sees all.
   */
  async #pointToRecentRuns(taskId: string): Promise<void> {
    for (let attempt = 0; attempt < MAX_POINTER_ATTEMPTS; attempt += 1) {
      const version = await this.#versionOf(taskId);
      const recent = await this.#readRecentRuns(taskId);
      const { matchedCount } = await this.#tasks.updateOne(
        { _id: taskId, version },
        { $set: { recent_runs: recent }, $inc: { version: 1 } },
      );
      if (matchedCount === 1) return;
    }
    throw new Error(
      `Task ${taskId} changed ${MAX_POINTER_ATTEMPTS} times while its runs were being recorded.`,
    );
  }

  async #versionOf(taskId: string): Promise<number> {
    const task = await this.#tasks.findOne({ _id: taskId }, { projection: { version: 1 } });
    if (!task) throw new UnknownTask(taskId);
    return task.version;
  }

  async #readRecentRuns(taskId: string): Promise<RunPointer[]> {
    const runs = await this.#runs
      .find(
        { task_id: taskId },
        { projection: { createdAt: 1 }, sort: { createdAt: -1, _id: -1 }, limit: RECENT_RUNS },
      )
      .toArray();
    return runs.map((run) => ({ id: run._id, createdAt: run.createdAt }));
  }
}
