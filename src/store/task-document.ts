/** A task's pointer to one of its runs. */
export interface RunPointer {
  id: string;
  createdAt: Date;
}

/** A document of the collection `tasks`. */
export interface TaskDocument {
  /** The task's public id, a UUID in lower case. */
  _id: string;
  title: string;
  prompt: string;
  schedule: string;
  /** IANA name of the time zone. Absent or null means UTC. */
  timezone?: string | null;
  /** The owner. Never changes. */
  account_id: string;
  artist_account_id: string;
  /** Null and absence count as true. */
  enabled?: boolean | null;
  trigger_schedule_id?: string | null;
  /** Why Trigger.dev does not run the task as configured. Only trigger-tasks.ts sets it. */
  engine_problem?: string;
  model?: string | null;
  /**
   * What the engine does if the task is due while one of its runs waits or executes. Absent means the engine's default.
   */
  overlap?: 'skip' | 'queue' | 'allow';
  /** Which missed fire times run late. Absent means the engine's default. */
  catch_up?: 'skip' | 'once' | 'all';
  /** Time limit of one attempt. Absent means the engine's default. */
  timeout_seconds?: number;
  /** Maximum number of deliveries of one run. Absent means the engine's default. */
  max_attempts?: number;
  /** All fire times up to and including this instant are decided. Writing it does not increment the version. */
  plan_from?: Date | null;
  /**
   * When the engine next processes the task. Absent if nothing is to be done: on a disabled task, on a task without
   * fire times and, with Trigger.dev, on a task whose schedule is current there. Writing it does not increment the
   * version.
   */
  next_fire_at?: Date | null;
  /** Absent or invalid only if another tool inserted the task. */
  created_at: Date;
  /** When a request last changed the task itself, not its runs. Absent before the first change. */
  updated_at?: Date | null;
  /** Pointers to the last five runs, newest first. Only settlement.ts writes it. */
  recent_runs: RunPointer[];
  /** Incremented by every write to `recent_runs`. Absent before the first write. */
  runs_version?: number;
  /**
   * Marks: one ObjectId per write to the task's runs that is in progress or abandoned. Only settlement.ts writes it.
   */
  recording?: unknown[];
  /**
   * ObjectIds of the last changes, by which a write that the driver repeats is recognized. Only task-store.ts writes
   * it.
   */
  changes?: unknown[];
  /** An ObjectId while a deletion is in progress or was abandoned. Only task-store.ts writes it. */
  deletion?: unknown;
  /** Incremented by every visible change to the task or its runs. */
  version: number;
}
