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
  /** IANA name; absent or null means UTC. */
  timezone?: string | null;
  /** The owner, which never changes. */
  account_id: string;
  artist_account_id: string;
  /** Null and absence count as true. */
  enabled?: boolean | null;
  trigger_schedule_id?: string | null;
  model?: string | null;
  /** What happens when the task is due while a run of it waits or executes; absent for the engine's default. */
  overlap?: 'skip' | 'queue' | 'allow';
  /** Which missed fire times run late; absent for the engine's default. */
  catch_up?: 'skip' | 'once' | 'all';
  /** Time limit of one attempt; absent for the engine's default. */
  timeout_seconds?: number;
  /** The most deliveries of one run; absent for the engine's default. */
  max_attempts?: number;
  /** Every fire time up to and including this instant is decided. Writing it raises no version. */
  plan_from?: Date | null;
  /** When the planner looks at the task next; absent on a disabled task. Writing it raises no version. */
  next_fire_at?: Date | null;
  /** Absent or invalid only if another tool added the task. */
  created_at: Date;
  /** When the task itself last changed; absent before the first change. */
  updated_at?: Date | null;
  /** The last five runs, newest first. Written by settlement.ts alone. */
  recent_runs: RunPointer[];
  /** Raised by every write to `recent_runs`; absent before the first. */
  runs_version?: number;
  /** An ObjectId for each report that is being recorded or was abandoned. Only settlement.ts writes it. */
  recording?: unknown[];
  /** An ObjectId for each of the last changes, which identifies a repeated one. Only task-store.ts writes it. */
  changes?: unknown[];
  /** An ObjectId while a deletion is in progress or was abandoned. Only task-store.ts writes it. */
  deletion?: unknown;
  /** Raised by every write to the task or to its runs that a reader can see. */
  version: number;
}
