/** A document of the collection `run_queue`: a run of the engine that is not final yet. */
export interface QueuedRun {
  /** The run's id. */
  _id: string;
  task_id: string;
  account_id: string;
  trigger: 'scheduled' | 'manual';
  /** The fire time. Null for a manual run. */
  scheduled_at: Date | null;
  /** The payload given to runTask. */
  input?: unknown;
  /**
   * When the run was due: the fire time; for a manual run, the time of the request; for a missed fire time, when a
   * planner decided to run it late.
   */
  due_at: Date;
  /**
   * The task's id while a serial run executes, otherwise the run's id. The unique index allows one executing serial run
   * per task.
   */
  slot: string;
  /** Whether the run waits for other runs of its task. */
  serial: boolean;
  /** The worker that executes the run. Null while the run waits. */
  owner: string | null;
  /** Incremented by every claim and release. Only the holder of the current value may write the run. */
  fence: number;
  /** Incremented by the owner every few seconds. */
  beat: number;
  /** The run cannot be claimed before this instant. */
  not_before: Date;
  /** Number of consecutive failed deliveries. */
  tries: number;
  /** The URL at which an executor follows the work. */
  location?: string;
  /** True after a caller has requested cancellation. */
  cancel?: boolean;
}
