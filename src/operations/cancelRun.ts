import { type CancelSources, cancelWaiting } from './cancel-waiting.ts';
import { checkTexts } from './check-texts.ts';
import { ApiError } from '../lib/errors.ts';
import type { Input, Reply } from './handlers.ts';
import { type Principal, scopeOf } from './principal.ts';
import { finalStatuses } from '../store/run-status.ts';
import { viewRunOfTask } from '../view/run-view.ts';

/** POST /api/tasks/runs/cancel */
export function cancelRun(sources: Omit<CancelSources, 'log'>) {
  const { queue, runs, now } = sources;
  return async ({ body }: Input<'cancelRun'>, principal: Principal): Promise<Reply<'cancelRun'>> => {
    checkTexts(body);
    const { runId } = body;
    const account_id = scopeOf(principal);
    // Mark the entry first, so that a worker that claims the run now cancels it.
    const entry = await queue.requestCancel(runId, account_id);
    if (entry?.owner === null) await cancelWaiting(entry, sources);
    // An entry that was just claimed may not have a run yet.
    else if (entry) await runs.addOwn(entry, now());
    // A run leaves the queue only when it is final.
    const filter = entry ? { account_id } : { account_id, status: [...finalStatuses] };
    const run = await runs.find(runId, filter);
    if (run) return { status: 200, body: { status: 'success', runs: [viewRunOfTask(run)] } };
    if (!(await runs.find(runId, { account_id }))) {
      throw new ApiError('run_not_found', `There is no run ${runId}.`);
    }
    throw new ApiError('not_cancelable', `Another engine executes the run ${runId}. Cancel it there.`);
  };
}
