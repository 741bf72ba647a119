/** A document of the collection `run_queue`: a run of the engine that is not final yet. */
export interface QueuedRun {
  /** The run's id. */
  _id: string;
  task_id: string;
  account_id: string;
  trigger: 'scheduled' | 'manual';
  /** The fire time; null for a run that somebody started by hand. */
  scheduled_at: Date | null;
  /** What runTask was given. */
  input?: unknown;
  /** The fire time, or when somebody started the run, or when a missed fire time was decided to run late. */
  due_at: Date;
  /** The task's id while a serial run executes, otherwise the run's: a unique index lets one serial run of a task execute at a time. */
  slot: string;
  /** Whether the run waits for other runs of its task. */
  serial: boolean;
  /** The worker that executes the run; null while it waits. */
  owner: string | null;
  /** Raised by every claim and release. Only the holder of the current value writes the run. */
  fence: number;
  /** Raised by the owner every few seconds. */
  beat: number;
  /** No claim before this. */
  not_before: Date;
  /** Tries in a row that were not delivered. */
  tries: number;
  /** Where an executor follows the work. */
  location?: string;
  /** Somebody asked to cancel the run. */
  cancel?: boolean;
}
