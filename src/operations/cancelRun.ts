import { type CancelSources, cancelWaiting } from './cancel-waiting.ts';
import { checkTexts } from './check-texts.ts';
import { ApiError } from '../lib/errors.ts';
import type { Input, Reply } from './handlers.ts';
import { type Principal, scopeOf } from './principal.ts';
import type { CancelStore } from '../store/cancel-store.ts';
import type { EngineStore } from '../store/engine-store.ts';
import { isFinal } from '../store/run-status.ts';
import { TRIGGER_KIND } from '../store/trigger-fields.ts';
import { viewRunOfTask } from '../view/run-view.ts';

interface Dependencies extends Omit<CancelSources, 'log'> {
  engine: EngineStore;
  cancels: CancelStore;
}

/** Handles POST /api/tasks/runs/cancel. */
export function cancelRun({ engine, cancels, ...sources }: Dependencies) {
  const { queue, runs, now } = sources;
  return async ({ body }: Input<'cancelRun'>, principal: Principal): Promise<Reply<'cancelRun'>> => {
    checkTexts(body);
    const { runId } = body;
    const account_id = scopeOf(principal);
    // Mark the queue entry as canceled first, so that a worker that claims the run from now on cancels the run.
    const entry = await queue.requestCancel(runId, account_id);
    if (entry?.owner === null) await cancelWaiting(entry, sources);
    // A worker may have just claimed the entry, and not yet stored the run. Store it here.
    else if (entry) await runs.addOwn(entry, now());
    // Read the run after marking the entry. The engine hands a run over to Trigger.dev first and then looks for the
    // mark, so either this request or the engine notices that Trigger.dev must cancel the run.
    const run = await runs.find(runId, { account_id });
    if (!run) throw new ApiError('run_not_found', `There is no run ${runId}.`);
    const { engineRunId, status } = run;
    // A run leaves the queue only when it has ended or was handed over to Trigger.dev.
    const isOwn = entry !== null && engineRunId === undefined;
    if (!isOwn && !isFinal(status)) {
      if (engineRunId === undefined || (await engine.liveKind(now())) !== TRIGGER_KIND) {
        throw new ApiError('not_cancelable', `Another engine executes the run ${runId}. Cancel it there.`);
      }
      await cancels.add({ _id: runId, engine_run_id: engineRunId }, now());
    }
    return { status: 200, body: { status: 'success', runs: [viewRunOfTask(run)] } };
  };
}
