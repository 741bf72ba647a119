import type { Logger } from 'pino';
import type { CancelRequest } from '../../store/cancel-request.ts';
import { CancelStore } from '../../store/cancel-store.ts';
import type { Collections } from '../../store/collections.ts';
import { QueueClaims } from '../../store/queue-claims.ts';
import type { QueuedRun } from '../../store/queue-document.ts';
import type { RunDocument } from '../../store/run-document.ts';
import { isFinal } from '../../store/run-status.ts';
import { RunStore } from '../../store/run-store.ts';
import type { TaskDocument } from '../../store/task-document.ts';
import { TaskStore } from '../../store/task-store.ts';
import { ended } from '../local/changes.ts';
import { type FinalEnding, LOST_WORKER, startOf } from '../local/ending.ts';
import type { Clock } from '../port.ts';
import { type TriggerApi, TriggerFailure } from './api.ts';
import type { Part } from './part.ts';

/** The owner of all claims, whichever process leads, so that a new leader continues the claims of the former leader. */
const OWNER = 'trigger';
const PAGE = 20;

/** The ending of a run that an engine of another kind delivered before that engine died. */
const LOST: FinalEnding = { kind: 'final', status: 'CRASHED', error: LOST_WORKER };

export interface QueuedRunsOptions {
  collections: Collections;
  api: Pick<TriggerApi, 'triggerRun' | 'cancelRun'>;
  clock: Clock;
  log: Logger;
}

/** Returns the run's own payload, plus the fields that Trigger.dev adds to the payload of a scheduled run. */
function payloadOf(
  { task_id, scheduled_at, due_at }: QueuedRun,
  { payload }: RunDocument,
  task: TaskDocument | undefined,
): object {
  return {
    ...Object(payload),
    ...(typeof task?.trigger_schedule_id === 'string' && { scheduleId: task.trigger_schedule_id }),
    timestamp: (scheduled_at ?? due_at).toISOString(),
    externalId: task_id,
    timezone: task?.timezone ?? 'UTC',
    upcoming: [],
  };
}

/** Whether a retry of the call would be refused too. */
const isRefused = (error: unknown): error is TriggerFailure =>
  error instanceof TriggerFailure && (error.kind === 'refused' || error.kind === 'notFound');

/**
 * Hands queued runs over to Trigger.dev, and cancels runs there. If a hand-over was interrupted, Trigger.dev may
 * have the run already. Such a run is handed over again, even if it must end. Because the idempotency key is the same,
 * Trigger.dev then returns its existing run, which is canceled if it must end.
 */
export class QueuedRuns implements Part {
  readonly name = 'queued runs';
  readonly everyMs = 2_000;
  readonly wakes = true;
  readonly #options: QueuedRunsOptions;
  readonly #claims: QueueClaims;
  readonly #runs: RunStore;
  readonly #tasks: TaskStore;
  readonly #cancels: CancelStore;
  /** The account whose run was claimed last. The next claim begins with the account after it. */
  #lastAccount = '';
  /** Ids of runs that the last pass failed to cancel. */
  readonly #failed = new Set<string>();

  constructor(options: QueuedRunsOptions) {
    const { collections } = options;
    this.#options = options;
    this.#claims = new QueueClaims(collections);
    this.#runs = new RunStore(collections);
    this.#tasks = new TaskStore(collections);
    this.#cancels = new CancelStore(collections);
  }

  async run(signal: AbortSignal): Promise<undefined> {
    try {
      await this.#cancelRequested(signal);
    } finally {
      // Renew the claims even if a cancellation fails, because expiry.ts releases claims that are not renewed.
      await this.#serveQueue(signal);
    }
    await this.#cancelRequested(signal);
  }

  async #serveQueue(signal: AbortSignal): Promise<void> {
    for (const entry of await this.#claims.claimedBy(OWNER, PAGE)) await this.#serve(entry, signal);
    for (let entry = await this.#claimNext(); entry; entry = await this.#claimNext()) {
      this.#lastAccount = entry.account_id;
      await this.#serve(entry, signal);
    }
  }

  async #claimNext(): Promise<QueuedRun | null> {
    const now = this.#options.clock.now();
    return this.#claims.claimNext(OWNER, { after: this.#lastAccount, excluded: [], now });
  }

  /** Serves requests to cancel runs at Trigger.dev. Requests that failed come last, so that they delay no others. */
  async #cancelRequested(signal: AbortSignal): Promise<void> {
    const requests = await this.#cancels.pending(PAGE);
    const hasFailed = ({ _id }: CancelRequest) => this.#failed.has(_id);
    const ordered = requests.toSorted((one, other) => Number(hasFailed(one)) - Number(hasFailed(other)));
    for (const request of ordered) {
      signal.throwIfAborted();
      this.#failed.add(request._id);
      await this.#cancel(request);
      this.#failed.delete(request._id);
    }
    this.#failed.clear();
  }

  async #cancel({ _id, engine_run_id }: CancelRequest): Promise<void> {
    try {
      await this.#options.api.cancelRun(engine_run_id);
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.#options.log.warn(
        { runId: _id },
        'Trigger.dev refused to cancel a run; the cancel request will not be sent again',
      );
    }
    await this.#cancels.done(_id);
  }

  /**
   * Ends a claimed run or hands it over. If that fails, the claim stays. Without a claim, a request could cancel the
   * run here although Trigger.dev may execute it.
   */
  async #serve(entry: QueuedRun, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { clock } = this.#options;
    // Renew the claim first, because expiry.ts releases claims that are not renewed.
    if (!(await this.#claims.beat(entry))) return;
    const [[task], run] = await Promise.all([
      this.#tasks.findByIds([entry.task_id], {}),
      this.#runs.addOwn(entry, clock.now()),
    ]);
    if (!run) return this.#remove(entry);
    const start = startOf(entry, run, task, clock.now());
    if (start.kind === 'drop') return this.#claims.remove(entry);
    // If a QUEUED run has a nonzero fence, a hand-over has begun: all other writes of a fence change the status.
    const mayHaveArrived = run.status === 'QUEUED' && run.fence !== 0;
    if (start.kind === 'execute' || mayHaveArrived) {
      return this.#handOver(entry, run, task, start.kind === 'end');
    }
    const ending = start.kind === 'end' ? start.ending : LOST;
    if (ending.kind === 'final') await this.#end(entry, run, ending);
  }

  async #handOver(
    entry: QueuedRun,
    run: RunDocument,
    task: TaskDocument | undefined,
    isToEnd: boolean,
  ): Promise<void> {
    const { api, clock, log } = this.#options;
    const { _id: runId, task_id: taskId } = entry;
    const written = await this.#runs.writeOwn(entry, { status: 'QUEUED' }, clock.now(), run);
    if (!written) return this.#claims.remove(entry);
    let engineRunId: string;
    try {
      engineRunId = await api.triggerRun({
        idempotencyKey: runId,
        payload: payloadOf(entry, run, task),
        tags: [`account:${entry.account_id}`],
      });
    } catch (error) {
      if (!isRefused(error)) throw error;
      return this.#end(entry, written, {
        kind: 'final',
        status: 'FAILED',
        error: { name: 'NotDelivered', message: error.message },
      });
    }
    const isHandedOver = await this.#runs.handOver(entry, engineRunId);
    // Another leader may have ended the run meanwhile.
    const isOver = !isHandedOver && isFinal((await this.#runs.findOwn(runId))?.status ?? 'QUEUED');
    if (isToEnd || isOver) await this.#cancels.add({ _id: runId, engine_run_id: engineRunId }, clock.now());
    log.info({ taskId, runId, engineRunId }, 'run handed over to Trigger.dev');
    await this.#remove(entry);
  }

  /**
   * Removes the queue entry of a run that was handed over. If the entry is marked for cancellation, adds a request to
   * cancel the run at Trigger.dev. After the hand-over, cancelRun adds such requests itself.
   */
  async #remove(entry: QueuedRun): Promise<void> {
    const { _id } = entry;
    if (await this.#claims.isToCancel(entry)) {
      const engine_run_id = (await this.#runs.findStates([_id])).get(_id)?.engine_run_id;
      if (engine_run_id !== undefined)
        await this.#cancels.add({ _id, engine_run_id }, this.#options.clock.now());
    }
    await this.#claims.remove(entry);
  }

  async #end(entry: QueuedRun, run: RunDocument, ending: FinalEnding): Promise<void> {
    const { clock, log } = this.#options;
    const { _id: runId, task_id: taskId } = entry;
    const now = clock.now();
    const stored = await this.#runs.writeOwn(entry, ended(run, ending, now), now, run);
    // Do not log the error's message, which may quote the request. The run contains the message.
    if (stored) log.info({ taskId, runId, status: stored.status, error: stored.error?.name }, 'run ended');
    await this.#claims.remove(entry);
  }
}
