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

/** Result of an attempt. Executors return it; they throw only on an internal error. */
export type Outcome =
  /** The work succeeded. */
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
  /** Location of the work; set if the job was already delivered, by another process or before a restart. */
  location?: string;
  /** Stores the location at which the work can be followed. Resolves when it is stored. */
  onAccepted: (location: string) => Promise<void>;
}

/** Executes jobs, e.g. with a shell command, an HTTP request or a model. */
export interface Executor {
  /** The kind of executor: command, url, chat or model. */
  readonly kind: string;
  execute(attempt: Attempt): Promise<Outcome>;
  /** Releases the resources of the executor. */
  close(): Promise<void>;
}

/** The clock of an engine. Tests pass a virtual one. */
export interface Clock {
  now(): Date;
  /** Milliseconds of the monotonic clock, which never jumps. */
  monotonicMs(): number;
  /** @returns a function that cancels the timer */
  setTimeout(callback: () => void, ms: number): () => void;
}

export interface EngineState {
  kind: string;
  /** False until the database was reached, and while an engine of another kind executes this database's tasks. */
  live: boolean;
  /** A problem that operators should know about, e.g. that Trigger.dev cannot be reached. Absent if there is none. */
  problem?: string;
  /** Number of runs that execute in this process. Absent if another system executes them. */
  running?: number;
  /** Number of runs that wait, across all processes. Absent if another system executes them. */
  waiting?: number;
  /** Number of runs whose details have not been read from Trigger.dev yet. Only in the process that leads. */
  pending?: number;
  /**
   * Seconds since the oldest of these runs became pending or since the last complete listing began, whichever is
   * longer. Only in the process that leads.
   */
  behindSeconds?: number;
  /** Number of schedules at Trigger.dev whose task does not exist. Only in the process that leads. */
  strays?: number;
}

/** Executes tasks, or has another system execute them. */
export interface Engine {
  /**
   * Stops the engine as on SIGTERM. Resolves when all of its work has ended, at the latest shortly after the grace
   * period. Does not close the executor.
   */
  stop(): Promise<void>;
  /** Starts the next pass now, e.g. after a run was queued. */
  wake(): void;
  state(): EngineState;
}
