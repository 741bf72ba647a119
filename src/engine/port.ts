import type { Run, RunError, Task } from '../../generated/types.gen.ts';

/** The task as an executor receives it, with the names that the API publishes. */
export type JobTask = Pick<
  Task,
  'id' | 'title' | 'prompt' | 'schedule' | 'timezone' | 'account_id' | 'artist_account_id' | 'model'
>;

/** The run as an executor receives it. Its id is the same in every attempt, so it serves as an idempotency key. */
export type JobRun = Pick<Run, 'id' | 'status' | 'taskIdentifier' | 'createdAt' | 'payload'>;

/** One attempt of a run. */
export interface Job {
  task: JobTask;
  run: JobRun;
  /** 1 for the first delivery. */
  attempt: number;
  /** RFC 3339; null for a run that somebody started by hand. */
  scheduled_at: string | null;
}

/** How an attempt ended. Executors return this; they throw only when they are broken themselves. */
export type Outcome =
  /** The work has ended. */
  | { kind: 'completed'; output: unknown }
  /** The work was delivered and failed. `repeatable` is false where another attempt cannot help, such as after a 4xx. */
  | { kind: 'failed'; error: RunError; repeatable: boolean }
  /** The work surely was not delivered: trying again cannot repeat anything. */
  | { kind: 'undelivered'; error: RunError; retryAfterMs?: number }
  /** The signal was aborted, and the work has ended as far as this side can tell. */
  | { kind: 'aborted' };

export interface Attempt {
  job: Job;
  /** Aborted on time-out, cancel, shutdown or a lost lease. The executor then stops the work, politely first. */
  signal: AbortSignal;
  /** Where the work can be followed; set when another process, or this one before a restart, has delivered the job. */
  location?: string;
  /** Stores where the work can be followed; resolves when it is stored. */
  onAccepted: (location: string) => Promise<void>;
}

/** Executes jobs in one way: a command, a request, a model. */
export interface Executor {
  /** The setting's word: command, url, chat or model. */
  readonly kind: string;
  execute(attempt: Attempt): Promise<Outcome>;
  /** Ends what the executor keeps open. */
  close(): Promise<void>;
}

/** Time as the engine sees it; tests pass a virtual one. */
export interface Clock {
  now(): Date;
  /** Milliseconds that never jump. */
  monotonicMs(): number;
  /** @returns cancels the timer */
  setTimeout(callback: () => void, ms: number): () => void;
}
