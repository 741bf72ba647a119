import type { Run, RunError } from '../../generated/types.gen.ts';

/** Fields of a run that hold instants: RFC 3339 strings in JSON, dates in BSON. */
export type RunInstant =
  'createdAt' | 'updatedAt' | 'startedAt' | 'finishedAt' | 'delayedUntil' | 'expiredAt';
type Attempt = NonNullable<Run['attempts']>[number];
export type AttemptInstant = 'createdAt' | 'updatedAt' | 'startedAt' | 'completedAt';

/** Replaces `string` with `Date` in the given fields. Null and absence stay as they are. */
type WithDates<Wire, Instant extends PropertyKey> = {
  [Key in keyof Wire]: Key extends Instant ? Date | Exclude<Wire[Key], string> : Wire[Key];
};

export type AttemptDocument = WithDates<Attempt, AttemptInstant>;

/** A run as an engine reports it: the fields of the API, with dates for instants. */
export type RunRecord = Omit<WithDates<Run, RunInstant>, 'attempts' | 'task_id' | 'title'> & {
  attempts?: AttemptDocument[];
};

/** A run as described by a single report from an engine or importer. */
export type ReportedRun = RunRecord & {
  /**
   * Present if the report is an item of a run listing, such as `runs.list` of Trigger.dev. Because such an item lacks
   * some fields, the report leaves payload, output, error, attempts and schedule unchanged unless it contains them.
   */
  listItem?: {
    /** The error to store if the run has none. */
    errorIfNone?: RunError;
  };
  /** The run's id at Trigger.dev. Present if this service read the run there. */
  engine_run_id?: string;
};

/** A document of the collection `runs`. A field that the engine did not report is absent, not null. */
export type RunDocument = Omit<RunRecord, 'id'> & {
  /** The run's public id. */
  _id: string;
  /** The id of the run's task. Never changes. */
  task_id: string;
  /** The account of the task's owner, kept after the task is deleted. Absent only if another tool inserted the run. */
  account_id?: string;
  /**
   * The fence of the queue claim with which the run was last written. Present only on runs that this service's own
   * engine executes. Not part of the API.
   */
  fence?: number;
  /** The run's id at Trigger.dev. Present only on runs that this service reads from there. Not part of the API. */
  engine_run_id?: string;
  /**
   * True from the hand-over of a run to Trigger.dev until the first report from there. That report counts as newer,
   * whatever its `updatedAt`, because the clocks may differ. Not part of the API.
   */
  unreported?: true;
};
