/** A document of the collection `run_queue`: a run of the engine that is not final yet. */
export interface QueuedRun {
  /** The run's id. */
  _id: string;
  task_id: string;
  account_id: string;
  trigger: 'scheduled' | 'manual';
  /** The fire time; null for a manual run. */
  scheduled_at: Date | null;
  /** The payload of runTask. */
  input?: unknown;
  /** The fire time; for a manual run, when it was queued; for a missed fire time, when a planner decided to run it late. */
  due_at: Date;
  /** The task's id while a serial run executes, otherwise the run's. Its unique index allows one executing serial run per task. */
  slot: string;
  /** Whether the run waits for other runs of its task. */
  serial: boolean;
  /** The worker that executes the run; null while it waits. */
  owner: string | null;
  /** Raised by every claim and release. Only the holder of the current value writes the run. */
  fence: number;
  /** Raised by the owner every few seconds. */
  beat: number;
  /** The earliest instant of the next claim. */
  not_before: Date;
  /** The number of consecutive tries that were not delivered. */
  tries: number;
  /** The location at which an executor follows the work. */
  location?: string;
  /** A caller has requested the cancellation of the run. */
  cancel?: boolean;
}
