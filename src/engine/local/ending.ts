import type { RunError } from '../../../generated/types.gen.ts';
import type { RunDocument } from '../../store/run-document.ts';
import type { QueuedRun } from '../../store/queue-document.ts';
import type { TaskDocument } from '../../store/task-document.ts';
import { EXPIRED, isExpired } from '../../store/expiry.ts';
import { type finalStatuses, isFinal } from '../../store/run-status.ts';
import type { Outcome } from '../port.ts';

/** Why an attempt was aborted: `drain` is a shutdown, `lease` the loss of the claim on the run. */
export type StopReason = 'timeout' | 'cancel' | 'drain' | 'lease';

type FinalStatus = (typeof finalStatuses)[number];

/** An ending that gives the run a final status. */
export interface FinalEnding {
  kind: 'final';
  status: FinalStatus;
  error: RunError | null;
  output?: unknown;
  /** Set if no engine started the run before it expired. */
  expired?: true;
  /** Set if the last try was not delivered, so that it does not count as an attempt. */
  undelivered?: true;
}

/** What happens to a claimed run after an attempt, or instead of an attempt. */
export type Ending =
  | FinalEnding
  /** The run is retried after a delay. Undelivered tries do not count as attempts. */
  | { kind: 'again'; delivered: boolean; delayMs: number; error: RunError }
  /** This process releases the run, and the next process that claims the run polls for its result. */
  | { kind: 'handOver' }
  /** This process has lost its claim on the run, so it writes nothing. The next owner decides. */
  | { kind: 'none' };

/** What to do with a claimed run. */
export type Start =
  /** Remove the run from the queue, because it is final or not a run of the engine. */
  | { kind: 'drop' }
  | { kind: 'execute' }
  /** Start another attempt, because the worker of the last attempt died. */
  | { kind: 'repeat' }
  /** Poll for the result of the last attempt, whose worker died or stopped. */
  | { kind: 'follow' }
  | { kind: 'end'; ending: Ending };

const DEFAULT_TIMEOUT_SECONDS = 3_600;
const DEFAULT_ATTEMPTS = 1;
const SHORTEST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;

/** The outcome of the executor, or the error that it threw. */
export type Result = Outcome | { kind: 'broken'; error: RunError };

export const timeoutMsOf = ({ timeout_seconds }: Pick<TaskDocument, 'timeout_seconds'>) =>
  (timeout_seconds ?? DEFAULT_TIMEOUT_SECONDS) * 1_000;

/**
 * Returns the delay before a retry, in milliseconds: 1 to 60 seconds, doubled each time, with jitter; longer if the
 * receiver requests it.
 */
export function delayOf(tries: number, random: () => number, retryAfterMs = 0): number {
  const longest = Math.min(LONGEST_DELAY_MS, SHORTEST_DELAY_MS * 2 ** (tries + 1));
  const delayMs = Math.max(SHORTEST_DELAY_MS, Math.round((longest * (1 + random())) / 2));
  return Math.max(delayMs, retryAfterMs);
}

export const LOST_WORKER: RunError = {
  name: 'LostWorker',
  message: 'The process that executed the attempt stopped responding. The work may be partly done.',
};

const final = (status: FinalStatus, error: RunError | null): FinalEnding => ({
  kind: 'final',
  status,
  error,
});
const canceled = (message: string): Ending => final('CANCELED', { name: 'Canceled', message });

export function startOf(
  entry: QueuedRun,
  run: RunDocument | null,
  task: TaskDocument | undefined,
  now: Date,
): Start {
  if (!run || isFinal(run.status)) return { kind: 'drop' };
  if (entry.cancel) return { kind: 'end', ending: canceled('The run was canceled before it ended.') };
  const isOff = entry.trigger === 'scheduled' && task?.enabled === false;
  if (run.status === 'EXECUTING') {
    // An earlier worker delivered the run, and died or stopped before the end.
    if (task && entry.location !== undefined) return { kind: 'follow' };
    const repeatable = task && !isOff && attemptsOf(run) < (task.max_attempts ?? DEFAULT_ATTEMPTS);
    return repeatable ? { kind: 'repeat' } : { kind: 'end', ending: final('CRASHED', LOST_WORKER) };
  }
  if (!task) return { kind: 'end', ending: canceled('The task was deleted.') };
  if (isOff) return { kind: 'end', ending: canceled('The task was disabled.') };
  if (run.status === 'QUEUED' && isExpired(entry.due_at, now)) {
    return { kind: 'end', ending: { ...final('CANCELED', EXPIRED), expired: true } };
  }
  return { kind: 'execute' };
}

/** Returns the number of attempts, including the current one. Undelivered tries do not count. */
export const attemptsOf = ({ attempts = [] }: Pick<RunDocument, 'attempts'>): number => attempts.length;

/** An attempt that has ended, and what else determines how its run continues. */
export interface AttemptEnded {
  entry: Pick<QueuedRun, 'due_at' | 'tries'>;
  task: Pick<TaskDocument, 'timeout_seconds' | 'max_attempts'>;
  /** Number of the attempt, starting at 1. */
  attempt: number;
  stopped?: StopReason;
  /** URL at which the executor can poll the work. */
  location?: string;
  now: Date;
  random: () => number;
}

/** Decides what happens to a run after an attempt. Completed work counts despite an abort, unless the lease is lost. */
export function endingOf(result: Result, ended: AttemptEnded): Ending {
  const { stopped, location } = ended;
  if (stopped === 'lease') return { kind: 'none' };
  if (result.kind === 'completed')
    return { kind: 'final', status: 'COMPLETED', error: null, output: result.output };
  if (result.kind === 'broken') return final('SYSTEM_FAILURE', result.error);
  if (stopped === 'cancel') return canceled('The run was canceled while it executed.');
  if (result.kind === 'undelivered' && location === undefined) return undelivered(result, ended);
  if (stopped === 'timeout') {
    const message = `The attempt did not end within ${timeoutMsOf(ended.task) / 1_000} seconds.`;
    return failed({ name: 'TimedOut', message }, true, ended);
  }
  if (stopped === 'drain') {
    if (location !== undefined) return { kind: 'handOver' };
    const message = 'The service was stopped before the attempt ended. The work may be partly done.';
    return final('INTERRUPTED', { name: 'Interrupted', message });
  }
  if (result.kind === 'failed') return failed(result.error, result.repeatable, ended);
  if (result.kind === 'undelivered') return failed(result.error, true, ended);
  const message = 'The executor reported an abort, but the attempt was not aborted.';
  return final('SYSTEM_FAILURE', { name: 'ExecutorError', message });
}

function failed(error: RunError, repeatable: boolean, { task, attempt, random }: AttemptEnded): Ending {
  if (!repeatable || attempt >= (task.max_attempts ?? DEFAULT_ATTEMPTS)) return final('FAILED', error);
  return { kind: 'again', delivered: true, delayMs: delayOf(attempt - 1, random), error };
}

function undelivered(
  { error, retryAfterMs }: Extract<Outcome, { kind: 'undelivered' }>,
  { entry, task, stopped, now, random }: AttemptEnded,
): Ending {
  const delayMs = delayOf(entry.tries, random, retryAfterMs);
  const until = entry.due_at.getTime() + timeoutMsOf(task);
  // During a shutdown, delivery may not have been tried at all, so the run must not fail.
  if (stopped === 'drain' || now.getTime() + delayMs <= until)
    return { kind: 'again', delivered: false, delayMs, error };
  const message = `The run could not be delivered in time: ${error.message}`;
  return {
    kind: 'final',
    status: 'FAILED',
    error: { ...error, name: 'NotDelivered', message },
    undelivered: true,
  };
}
