/** A document of the collection `run_queue`: a run that waits for this service's engine or that the engine executes. */
export interface QueuedRun {
  /** The run's id. */
  _id: string;
  task_id: string;
  account_id: string;
  trigger: 'scheduled' | 'manual';
  /** The fire time. Null for a manual run. */
  scheduled_at: Date | null;
  /** The `payload` of the runTask request. */
  input?: unknown;
  /**
   * When the run was due: the fire time; for a manual run, the time of the request; for a missed fire time, when a
   * planner decided to run it late.
   */
  due_at: Date;
  /**
   * The task's id while a serial run executes, otherwise the run's id. A unique index on this field allows only one
   * executing serial run per task.
   */
  slot: string;
  /** Whether the run must not execute at the same time as another serial run of its task. */
  serial: boolean;
  /** Id of the worker that executes the run. Null while the run waits. */
  owner: string | null;
  /** Incremented by every claim and release. Only the holder of the current value may write the run. */
  fence: number;
  /** Heartbeat: the owner increments this number every few seconds. */
  beat: number;
  /** The run cannot be claimed before this instant. */
  not_before: Date;
  /** Number of consecutive attempts in which the executor could not deliver the work. */
  tries: number;
  /** URL at which the executor can follow work that it has already delivered. */
  location?: string;
  /** True after a caller has requested cancellation. */
  cancel?: boolean;
}
