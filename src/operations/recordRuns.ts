import { ApiError } from '../lib/errors.ts';
import type { Input, Reply } from './handlers.ts';
import { unknownTask } from './unknown-task.ts';
import { checkReport } from './check-report.ts';
import { recordOf } from '../store/run-record.ts';
import { RunOfAnotherTask, RunOfTheEngine, type RunStore, UnknownTask } from '../store/run-store.ts';
import { viewRunOfTask } from '../view/run-view.ts';

type Body = Input<'recordRuns'>['body'];

/** Converts an error of the store to an ApiError that names the task or the run. Returns all other errors unchanged. */
function explain(error: unknown, { task_id, runs }: Body): unknown {
  if (error instanceof UnknownTask) return unknownTask(task_id);
  if (!(error instanceof RunOfAnotherTask || error instanceof RunOfTheEngine)) return error;
  const at = runs.findIndex(({ id }) => id === error.runId);
  if (error instanceof RunOfTheEngine) {
    return new ApiError(
      'run_of_the_engine',
      `Field "runs.${at}.id": the run ${error.runId} belongs to this service's engine and cannot be reported.`,
      { cause: error },
    );
  }
  return new ApiError(
    'run_of_another_task',
    `Field "runs.${at}.id": the run ${error.runId} belongs to another task. Send the task_id of that task, or another run id.`,
    { cause: error },
  );
}

/** Handles PUT /api/tasks/runs. */
export function recordRuns({ runs }: { runs: RunStore }) {
  return async ({ body }: Input<'recordRuns'>): Promise<Reply<'recordRuns'>> => {
    for (const [at, run] of body.runs.entries()) checkReport(`runs.${at}`, run);
    try {
      await runs.recordRuns(body.task_id.toLowerCase(), body.runs.map(recordOf));
    } catch (error) {
      throw explain(error, body);
    }
    const ids = [...new Set(body.runs.map(({ id }) => id))];
    const recorded = await runs.findByIds(ids);
    const shown = ids.flatMap((id) => recorded.get(id) ?? []);
    return { status: 200, body: { status: 'success', runs: shown.map(viewRunOfTask) } };
  };
}
