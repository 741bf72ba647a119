import { randomUUID } from 'node:crypto';
import { checkPayload } from './check-report.ts';
import { ApiError } from '../lib/errors.ts';
import { retryAfterSeconds } from '../lib/retry-after.ts';
import type { Input, Reply } from './handlers.ts';
import { keyReused } from './key-reused.ts';
import { type Principal, scopeOf } from './principal.ts';
import type { ClaimStore } from '../store/claim-store.ts';
import type { EngineStore } from '../store/engine-store.ts';
import type { QueueStore } from '../store/queue-store.ts';
import type { RunStore } from '../store/run-store.ts';
import type { TaskDocument } from '../store/task-document.ts';
import type { TaskStore } from '../store/task-store.ts';
import { unknownTask } from './unknown-task.ts';
import { viewRunOfTask } from '../view/run-view.ts';

interface Dependencies {
  tasks: TaskStore;
  runs: RunStore;
  queue: QueueStore;
  engine: EngineStore;
  claims: ClaimStore;
  /** Called after a run was queued, so that the engine of this process starts the run without delay. */
  onQueued?: () => void;
  now: () => Date;
}

// The limits of the operation (openapi.yaml, runTask).
/** Maximum number of runs of a task that wait in the queue. */
const MAX_WAITING = 10;
/** Maximum number of runs of an account that wait or execute. */
const MAX_QUEUED = 1_000;
/** Retry-After of a 429 too_many_queued reply in seconds, without the random delay that is added. */
const RETRY_AFTER_SECONDS = 10;

function tooMany(message: string): ApiError {
  return new ApiError('too_many_queued', message, {
    headers: { 'Retry-After': String(retryAfterSeconds(RETRY_AFTER_SECONDS)) },
  });
}

/** @throws ApiError no_engine, too_many_queued: if a run of the task cannot be queued now */
async function checkQueue(
  task: TaskDocument,
  { engine, queue, now }: Pick<Dependencies, 'engine' | 'queue' | 'now'>,
): Promise<void> {
  if (!(await engine.isLive(now()))) {
    throw new ApiError(
      'no_engine',
      'No engine is running. Set RUN_COMMAND, RUN_URL, RUN_CHAT_URL, RUN_MODEL or TRIGGER_TASK on the service to start one.',
    );
  }
  if (await queue.areWaiting(MAX_WAITING, task._id)) {
    throw tooMany(`${MAX_WAITING} runs of this task are already waiting. Try again after some have started.`);
  }
  if (await queue.areQueued(MAX_QUEUED, task.account_id)) {
    throw tooMany(
      `${MAX_QUEUED.toLocaleString('en')} runs of this account are already queued or executing. Try again after some have ended.`,
    );
  }
}

/** Handles POST /api/tasks/runs. */
export function runTask({ onQueued = () => {}, ...dependencies }: Dependencies) {
  const { tasks, runs, queue, claims, now } = dependencies;

  /**
   * Returns the id for the run. All requests of a caller with the same Idempotency-Key get the same id.
   * @throws ApiError idempotency_key_reused
   */
  async function idOf({ body, headers }: Input<'runTask'>, { caller }: Principal): Promise<string> {
    const key = headers['Idempotency-Key'];
    if (key === undefined) return `run_${randomUUID()}`;
    const claim = await claims.claim({ caller: `runTask ${caller}`, key }, body, now());
    if (!claim) throw keyReused('run');
    return `run_${claim.task_id}`;
  }

  /**
   * Adds a queue entry, then stores the run. If the process dies in between, the run still executes: a worker that
   * claims an entry without a run stores the run.
   * @throws ApiError task_not_found, no_engine, too_many_queued
   */
  async function enqueue(id: string, { body, headers }: Input<'runTask'>, principal: Principal) {
    const [task] = await tasks.findByIds([body.task_id.toLowerCase()], { account_id: scopeOf(principal) });
    if (!task) throw unknownTask(body.task_id);
    const isRetry = headers['Idempotency-Key'] !== undefined && (await queue.find(id)) !== null;
    if (!isRetry) await checkQueue(task, dependencies);
    const at = now();
    const entry = await queue.add({
      _id: id,
      task_id: task._id,
      account_id: task.account_id,
      trigger: 'manual',
      scheduled_at: null,
      due_at: at,
      serial: task.overlap !== 'allow',
      ...('payload' in body && { input: body.payload }),
    });
    await runs.addOwn(entry, at);
    onQueued();
  }

  return async (input: Input<'runTask'>, principal: Principal): Promise<Reply<'runTask'>> => {
    checkPayload('payload', input.body.payload);
    const id = await idOf(input, principal);
    // Not `findOwn`, which misses a run that was handed over to Trigger.dev.
    let run = await runs.find(id, {});
    if (!run) {
      await enqueue(id, input, principal);
      run = await runs.find(id, {});
    }
    if (!run)
      throw new Error(
        `expected to find the run ${id} right after it was queued, but the database has no such run`,
      );
    return { status: 200, body: { status: 'success', runs: [viewRunOfTask(run)] } };
  };
}
