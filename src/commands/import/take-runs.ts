import type { Run, RunReport } from '../../../generated/types.gen.ts';
import { forEachConcurrently } from '../../lib/concurrency.ts';
import type { Collections } from '../../store/collections.ts';
import { recordOf } from '../../store/run-record.ts';
import { finalStatuses } from '../../store/run-status.ts';
import {
  RunOfAnotherTask,
  RunOfTheEngine,
  type RunState,
  RunStore,
  UnknownTask,
} from '../../store/run-store.ts';
import type { Figures } from './figures.ts';
import { NotImportable, readRun } from './read.ts';
import { RequestRefused, type Source } from './source.ts';

export interface ImportProgress {
  /** Adds to the total number of tasks and runs to import. */
  found(number: number): void;
  /** Adds to the number of tasks and runs that were processed. */
  done(number: number): void;
}

/** Number of concurrent requests to the source. */
const CONCURRENT_REQUESTS = 2;
/** Number of tasks whose runs are written concurrently. */
const CONCURRENT_TASKS = 8;

/** A run of the source, from a task's `recent_runs` or from a listing of runs. */
export interface OfferedRun {
  run: Run;
  /** Id of the run's task if the run came with its task; otherwise undefined. */
  taskId?: string;
}

const OF_ANOTHER_TASK = 'a run of another task has the same id here';
const OF_THE_ENGINE = "this service's engine executes it";
const OF_NO_TASK = 'its task was not imported';

/** Whether a run has all of its fields. Listings omit these four; a complete run has at least one of them. */
const isComplete = (run: Run): boolean =>
  'payload' in run || 'output' in run || 'error' in run || 'attempts' in run;

/**
 * Whether the stored run needs no update: it changed later than the source's run, or it changed at the same instant and
 * its status is final or the same.
 */
function isUpToDate({ updatedAt, status }: Run, state: RunState | undefined): boolean {
  if (!(state?.updatedAt instanceof Date)) return false;
  const here = state.updatedAt.getTime();
  const offered = Date.parse(updatedAt);
  const isFinal = finalStatuses.some((final) => final === state.status);
  return here > offered || (here === offered && (isFinal || state.status === status));
}

/**
 * Returns the id of a run's task: `task_id` if the source is an installation of this service, else the `externalId` of
 * the run's schedule; undefined if the run has neither.
 */
function taskIdOf({ task_id, schedule }: Run): string | undefined {
  const id: unknown = task_id ?? schedule?.externalId;
  return typeof id === 'string' ? id.toLowerCase() : undefined;
}

/** Imports the source's runs by the rules of recordRuns: a stored run that changed later is kept. */
export class RunTaker {
  readonly #source: Source;
  readonly #runs: RunStore;
  readonly #figures: Figures;
  readonly #dryRun: boolean;
  /** Ids of runs that came with their task, so that `take` skips them when a listing contains them again. */
  readonly #seen = new Set<string>();

  constructor(
    source: Source,
    collections: Pick<Collections, 'tasks' | 'runs'>,
    figures: Figures,
    dryRun: boolean,
  ) {
    this.#source = source;
    this.#runs = new RunStore(collections);
    this.#figures = figures;
    this.#dryRun = dryRun;
  }

  /**
   * Imports the runs whose task was imported, and counts the rest as skipped, by reason.
   * @param isTask - returns whether the task with the given id was imported
   */
  async take(
    offered: OfferedRun[],
    isTask: (id: string) => boolean,
    { found, done }: ImportProgress,
  ): Promise<void> {
    const fresh = offered.filter(({ run }) => !this.#seen.has(run.id));
    for (const { run, taskId } of fresh) if (taskId !== undefined) this.#seen.add(run.id);
    found(fresh.length);
    const states = await this.#runs.findStates(fresh.map(({ run }) => run.id));
    const byTask = new Map<string, RunReport[]>();
    await forEachConcurrently(fresh, CONCURRENT_REQUESTS, async (one) => {
      const { run, taskId = taskIdOf(run) } = one;
      const state = states.get(run.id);
      if (state && taskId !== undefined && state.task_id !== taskId)
        this.#figures.skip('run', run.id, OF_ANOTHER_TASK);
      else if (isUpToDate(run, state)) this.#figures.runs.same += 1;
      else {
        const read = await this.#read(run, taskId, isTask);
        if (read) byTask.set(read.taskId, [...(byTask.get(read.taskId) ?? []), read.report]);
      }
      done(1);
    });
    await forEachConcurrently([...byTask], CONCURRENT_TASKS, ([taskId, reports]) =>
      this.#record(taskId, reports),
    );
  }

  /** Fetches the fields that a listing omits, and checks the run; undefined if the run cannot be imported. */
  async #read(
    run: Run,
    taskId: string | undefined,
    isTask: (id: string) => boolean,
  ): Promise<{ taskId: string; report: RunReport } | undefined> {
    try {
      // Skip runs of deleted tasks before fetching their details: the source may have many of them.
      if (taskId !== undefined && !isTask(taskId)) throw new NotImportable(OF_NO_TASK);
      const whole = isComplete(run) ? run : await this.#source.run(run.id);
      if (!whole) throw new NotImportable('the source no longer has it');
      const id = taskId ?? taskIdOf(whole);
      if (id === undefined) throw new NotImportable('the source does not name its task');
      if (!isTask(id)) throw new NotImportable(OF_NO_TASK);
      return { taskId: id, report: readRun(whole) };
    } catch (error) {
      if (!(error instanceof NotImportable || error instanceof RequestRefused)) throw error;
      this.#figures.skip('run', run.id, error.message);
      return undefined;
    }
  }

  async #record(taskId: string, reports: RunReport[]): Promise<void> {
    try {
      if (!this.#dryRun) await this.#runs.recordRuns(taskId, reports.map(recordOf));
      this.#figures.runs.recorded += reports.length;
    } catch (error) {
      if (error instanceof UnknownTask) {
        for (const { id } of reports)
          this.#figures.skip('run', id, 'its task was deleted here during the import');
      } else if (error instanceof RunOfAnotherTask || error instanceof RunOfTheEngine) {
        // recordRuns rejected all of the reports because of this run. Retry without it.
        const reason = error instanceof RunOfAnotherTask ? OF_ANOTHER_TASK : OF_THE_ENGINE;
        this.#figures.skip('run', error.runId, reason);
        await this.#record(
          taskId,
          reports.filter(({ id }) => id !== error.runId),
        );
      } else throw error;
    }
  }
}
