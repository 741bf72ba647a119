import type { Logger } from 'pino';
import type { QueueClaims } from '../../store/queue-claims.ts';
import { isRefused } from '../../store/own-run.ts';
import type { QueuedRun } from '../../store/queue-document.ts';
import type { RunDocument } from '../../store/run-document.ts';
import type { OwnChanges, RunStore } from '../../store/run-store.ts';
import type { TaskDocument } from '../../store/task-document.ts';
import type { TaskStore } from '../../store/task-store.ts';
import type { Clock, Executor, Job } from '../port.ts';
import { ended, started, waiting } from './changes.ts';
import {
  type Ending,
  type FinalEnding,
  type Result,
  attemptsOf,
  endingOf,
  startOf,
  timeoutMsOf,
} from './ending.ts';
import type { Lease } from './lease.ts';
import { pause } from '../loop.ts';
import type { EngineObserver } from './observer.ts';

/** Delay before a failed write to the database is retried. */
const RETRY_MS = 1_000;
/** Number of refusals by the database after which a write is abandoned. */
const REFUSALS = 3;
/** How long the engine waits for an executor to return after its signal was aborted. */
const STOPPED_MS = 15_000;

export interface Tools {
  tasks: TaskStore;
  runs: RunStore;
  claims: QueueClaims;
  executor: Executor;
  clock: Clock;
  log: Logger;
  observer: EngineObserver;
  random: () => number;
}

const NOT_STARTED: Result = {
  kind: 'undelivered',
  error: { name: 'Stopped', message: 'The attempt was not started.' },
};
const BROKEN: FinalEnding = {
  kind: 'final',
  status: 'SYSTEM_FAILURE',
  error: { name: 'StorageError', message: 'The database refused to store the result.' },
};

function jobOf(task: TaskDocument, run: RunDocument, { scheduled_at }: QueuedRun): Job {
  const { _id, title, prompt, schedule, timezone, account_id, artist_account_id, model } = task;
  const { status, taskIdentifier, createdAt, payload } = run;
  return {
    task: {
      id: _id,
      title,
      prompt,
      schedule,
      timezone: timezone ?? 'UTC',
      account_id,
      artist_account_id,
      model: model ?? null,
    },
    run: { id: run._id, status, taskIdentifier, createdAt: createdAt.toISOString(), payload },
    attempt: attemptsOf(run),
    scheduled_at: scheduled_at?.toISOString() ?? null,
  };
}

/** Serves a claimed run: decides whether to execute the run, executes it, and stores the result. */
export class Attempt {
  readonly #lease: Lease;
  readonly #tools: Tools;
  readonly #log: Logger;

  constructor(lease: Lease, tools: Tools) {
    this.#lease = lease;
    this.#tools = tools;
    const { task_id: taskId, _id: runId } = lease.entry;
    this.#log = tools.log.child({ taskId, runId });
  }

  /** @throws the database's error; the claim then expires, and the run can be claimed again */
  async serve(): Promise<void> {
    const { tasks, runs, claims, clock, observer } = this.#tools;
    const { entry } = this.#lease;
    const [[task], run] = await Promise.all([
      tasks.findByIds([entry.task_id], {}),
      runs.addOwn(entry, clock.now()),
    ]);
    const start = startOf(entry, run, task, clock.now());
    if (start.kind === 'drop' || !run) return claims.remove(entry);
    if (start.kind === 'end' || !task)
      return start.kind === 'end' ? this.#settle(run, start.ending) : undefined;
    if (this.#lease.stopped) return this.#release({ delayMs: 0 });
    this.#lease.isDelivered = true;
    const changes = start.kind === 'follow' ? {} : started(run, clock.now());
    // `changes` is the same for each retry of the write, so that a retry after a lost reply adds no second attempt.
    const current = await this.#persist(
      () => runs.writeOwn(entry, changes, clock.now(), run),
      () => this.#lease.stopped === undefined,
    );
    if (!current) return claims.remove(entry);
    if (attemptsOf(current) === 1 && entry.tries === 0 && start.kind === 'execute') {
      observer.started((clock.now().getTime() - entry.due_at.getTime()) / 1_000);
    }
    this.#log.info(
      { attempt: attemptsOf(current) },
      start.kind === 'follow' ? 'resumed polling for the result of a delivered run' : 'run started',
    );
    const result = await this.#execute(task, current);
    const { stopped, location } = this.#lease;
    observer.attempted(stopped ?? result.kind);
    const { random } = this.#tools;
    const ending = endingOf(result, {
      entry,
      task,
      attempt: attemptsOf(current),
      stopped,
      location,
      now: clock.now(),
      random,
    });
    await this.#settle(current, ending);
  }

  async #execute(task: TaskDocument, run: RunDocument): Promise<Result> {
    const { executor, clock, claims } = this.#tools;
    const lease = this.#lease;
    if (lease.stopped) return NOT_STARTED;
    const beganAt = run.attempts?.at(-1)?.startedAt ?? clock.now();
    const leftMs = Math.max(0, beganAt.getTime() + timeoutMsOf(task) - clock.now().getTime());
    const cancelTimeout = clock.setTimeout(() => lease.stop('timeout'), leftMs);
    let cancelGivingUp = () => {};
    let giveUpLater = () => {};
    const givenUp = new Promise<Result>((resolve) => {
      giveUpLater = () => {
        cancelGivingUp = clock.setTimeout(() => resolve({ kind: 'aborted' }), STOPPED_MS);
      };
    });
    lease.signal.addEventListener('abort', giveUpLater);
    const execution = async (): Promise<Result> => {
      try {
        return await executor.execute({
          job: jobOf(task, run, lease.entry),
          signal: lease.signal,
          location: lease.location,
          onAccepted: async (location) => {
            lease.location = location;
            await this.#persist(() => claims.setLocation(lease.entry, location));
          },
        });
      } catch (error) {
        this.#log.error({ err: error }, 'the executor threw an error; the run ends with SYSTEM_FAILURE');
        const { name, message } = error instanceof Error ? error : new Error(String(error));
        return { kind: 'broken', error: { name, message } };
      }
    };
    const result = await Promise.race([execution(), givenUp]);
    cancelTimeout();
    cancelGivingUp();
    // If `stop` were called while the result is being stored, the listener would start a timer that keeps the process
    // alive.
    lease.signal.removeEventListener('abort', giveUpLater);
    return result;
  }

  /**
   * Stores how the run ends or continues. Writes a final status before it removes the run from the queue, so that a
   * crash in between loses nothing.
   */
  async #settle(run: RunDocument, ending: Ending): Promise<void> {
    const { runs, claims, clock } = this.#tools;
    const { entry } = this.#lease;
    if (ending.kind === 'none') return;
    if (ending.kind === 'handOver') return this.#release({ delayMs: 0 });
    const write = (changes: OwnChanges) =>
      this.#persist(() => runs.writeOwn(entry, changes, clock.now(), run));
    let stored: RunDocument | null;
    try {
      const now = clock.now();
      stored = await write(ending.kind === 'again' ? waiting(run, ending, now) : ended(run, ending, now));
    } catch (error) {
      this.#log.error(
        { err: error },
        'the database refused to store the result of a run; the run ends with SYSTEM_FAILURE',
      );
      stored = await write(ended(run, BROKEN, clock.now()));
    }
    // Do not log the error's message, which may quote what a command or receiver wrote. The run contains the message.
    if (stored && ending.kind === 'again' && stored.status === 'REATTEMPTING') {
      const { delayMs, delivered, error } = ending;
      this.#log.info({ delayMs, delivered, error: error.name }, 'run will be retried');
      return this.#release({ delayMs, workEnded: true, tries: delivered ? 0 : entry.tries + 1 });
    }
    if (stored) this.#log.info({ status: stored.status, error: stored.error?.name }, 'run ended');
    await this.#persist(() => claims.remove(entry));
    if (entry.serial) await claims.wakeTask(entry.task_id, clock.now());
  }

  async #release({
    delayMs,
    workEnded = false,
    tries = this.#lease.entry.tries,
  }: {
    delayMs: number;
    workEnded?: boolean;
    tries?: number;
  }) {
    const { claims, clock } = this.#tools;
    const not_before = new Date(clock.now().getTime() + delayMs);
    await this.#persist(() => claims.release(this.#lease.entry, { not_before, tries, workEnded }));
  }

  /**
   * Repeats a write until it succeeds.
   * @throws the last error, after REFUSALS refusals or as soon as `isWorthwhile` returns false after a failure
   */
  async #persist<Answer>(write: () => Promise<Answer>, isWorthwhile = () => true): Promise<Answer> {
    let refusals = 0;
    for (let failures = 0; ; failures += 1) {
      try {
        return await write();
      } catch (error) {
        if (failures === 0) this.#log.error({ err: error }, 'failed to store the state of a run; retrying');
        if (isRefused(error)) refusals += 1;
        if (refusals === REFUSALS || !isWorthwhile()) throw error;
      }
      await pause(this.#tools.clock, RETRY_MS);
    }
  }
}
