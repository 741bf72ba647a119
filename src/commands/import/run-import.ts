import type { Run, Task } from '../../../generated/types.gen.ts';
import type { Collections } from '../../store/collections.ts';
import { Figures } from './figures.ts';
import { RequestRefused, type Source } from './source.ts';
import { type ImportProgress, RunTaker, type OfferedRun } from './take-runs.ts';
import { type TakeOptions, TaskTaker } from './take-tasks.ts';

const SILENT: ImportProgress = { found: () => {}, done: () => {} };

const hasId = (run: unknown): run is Run =>
  typeof run === 'object' && run !== null && 'id' in run && typeof run.id === 'string';

/**
 * Copies tasks with their ids, and their runs, from a source into the database. It keeps no state: each call lists the
 * source from the start, and imports the tasks and runs that are missing or older here.
 * @param accounts - ids of the accounts to import; empty means all accounts that the source's key can read
 * @throws SourceFailed
 */
export async function importFrom(
  source: Source,
  collections: Pick<Collections, 'tasks' | 'deleted_tasks' | 'runs' | 'accounts'>,
  accounts: readonly string[],
  options: TakeOptions,
  progress: ImportProgress = SILENT,
): Promise<Figures> {
  const figures = new Figures();
  const tasks = new TaskTaker(collections, figures, options);
  const runs = new RunTaker(source, collections, figures, options.dryRun);

  const takeRuns = (offered: OfferedRun[]) => runs.take(offered, (id) => tasks.owners.has(id), progress);

  for (const account of accounts.length > 0 ? new Set(accounts) : [undefined]) {
    for await (const page of source.tasks(account)) {
      progress.found(page.length);
      await tasks.take(page);
      progress.done(page.length);
      await takeRuns(page.flatMap((task) => recentRunsOf(task, tasks)));
    }
  }
  for (const account of new Set(tasks.owners.values())) {
    try {
      for await (const page of source.runs(account)) {
        await takeRuns(page.filter(hasId).map((run) => ({ run })));
      }
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error;
      figures.skip('account', account, `failed to list its runs: ${error.message}`);
    }
  }
  return figures;
}

/** Returns the runs in a source task's `recent_runs`; none if the task was not imported. */
function recentRunsOf({ id, recent_runs }: Task, { owners }: TaskTaker): OfferedRun[] {
  const taskId = String(id).toLowerCase();
  if (!owners.has(taskId) || !Array.isArray(recent_runs)) return [];
  return recent_runs.filter(hasId).map((run) => ({ run, taskId }));
}
