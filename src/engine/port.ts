import type { Run, RunError, Task } from '../../generated/types.gen.ts';

/** The task as an executor receives it, with the field names of the API. */
export type JobTask = Pick<
  Task,
  'id' | 'title' | 'prompt' | 'schedule' | 'timezone' | 'account_id' | 'artist_account_id' | 'model'
>;

/** The run as an executor receives it. Its id is the same in every attempt, so it can serve as an idempotency key. */
export type JobRun = Pick<Run, 'id' | 'status' | 'taskIdentifier' | 'createdAt' | 'payload'>;

/** One attempt of a run. */
export interface Job {
  task: JobTask;
  run: JobRun;
  /** Starts at 1. */
  attempt: number;
  /** The fire time as RFC 3339; null for a manual run. */
  scheduled_at: string | null;
}

/** Result of an attempt. Executors return an outcome for a failure too, and throw only on an internal error. */
export type Outcome =
  | { kind: 'completed'; output: unknown }
  /** The work was delivered and failed. `repeatable` is false if another attempt cannot help, e.g. after a 4xx. */
  | { kind: 'failed'; error: RunError; repeatable: boolean }
  /** The work was certainly not delivered, so a retry cannot repeat it. */
  | { kind: 'undelivered'; error: RunError; retryAfterMs?: number }
  /** The signal was aborted, and the work has ended as far as the executor can tell. */
  | { kind: 'aborted' };

export interface Attempt {
  job: Job;
  /** Aborted on timeout, cancellation, shutdown or a lost lease. The executor then stops the work, gracefully first. */
  signal: AbortSignal;
  /** URL at which to poll the work. Set if another process, or this one before a restart, already delivered the job. */
  location?: string;
  /** Stores the URL at which the executor polls the delivered work. Resolves when the URL is stored. */
  onAccepted: (location: string) => Promise<void>;
}

/** Executes jobs, e.g. with a shell command, an HTTP request or a model. */
export interface Executor {
  /** The kind of executor: command, url, chat or model. */
  readonly kind: string;
  execute(attempt: Attempt): Promise<Outcome>;
  close(): Promise<void>;
}

/** The clock of an engine. Tests pass a virtual clock. */
export interface Clock {
  now(): Date;
  /** Milliseconds of the monotonic clock, which never jumps. */
  monotonicMs(): number;
  /** @returns a function that cancels the timer */
  setTimeout(callback: () => void, ms: number): () => void;
}

export interface EngineState {
  /** The kind of executor, or `trigger` for Trigger.dev. */
  kind: string;
  /** False before the first access to the database, and while an engine of another kind is live. */
  live: boolean;
  /** A problem that operators should know about, e.g. that Trigger.dev cannot be reached. */
  problem?: string;
  /** Number of runs that execute in this process. Absent if another system executes the runs. */
  running?: number;
  /** Number of queued runs that no process has claimed. Absent if another system executes the runs. */
  waiting?: number;
  /**
   * Number of runs at Trigger.dev whose details have not been read yet. This field and the next two are set only in the
   * process that leads the synchronization with Trigger.dev.
   */
  pending?: number;
  /**
   * How many seconds this database is behind Trigger.dev: the longest time that a run has been pending, or the time
   * since the last complete listing of runs began, whichever is longer.
   */
  behindSeconds?: number;
  /** Number of schedules that this service created at Trigger.dev and whose task does not exist. */
  strays?: number;
}

/** Executes tasks, or has another system execute them. */
export interface Engine {
  /**
   * Stops the engine as on SIGTERM. Resolves when all of its work has ended, at the latest shortly after the grace
   * period. Does not close the executor.
   */
  stop(): Promise<void>;
  /** Makes the engine look for work now, e.g. after a request has queued a run. */
  wake(): void;
  state(): EngineState;
}
