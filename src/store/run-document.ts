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

/** A run as an engine reports it: the API's fields, with dates for instants. */
export type RunRecord = Omit<WithDates<Run, RunInstant>, 'attempts' | 'task_id' | 'title'> & {
  attempts?: AttemptDocument[];
};

/** A run as one report describes it. */
export type ReportedRun = RunRecord & {
  /**
   * Present if the report is an item of the engine's listing. Such a report leaves payload, output, error, attempts and
   * schedule unchanged unless it contains them.
   */
  listItem?: {
    /** The error to store if the run has none. */
    errorIfNone?: RunError;
  };
  /** The run's id at Trigger.dev, if this service's engine read the report there. */
  engine_run_id?: string;
};

/** A document of the collection `runs`. A field that the engine did not report is absent, not null. */
export type RunDocument = Omit<RunRecord, 'id'> & {
  /** The run's public id. */
  _id: string;
  /** The task of the run. Never changes. */
  task_id: string;
  /** The task's owner, kept after the task is deleted. Absent only if another tool inserted the run. */
  account_id?: string;
  /** The fence of the claim that last wrote the run. Only on runs of this service's engine. Not part of the API. */
  fence?: number;
  /** The run's id at Trigger.dev, on runs that this service's engine reads there. Not part of the API. */
  engine_run_id?: string;
  /**
   * True from a run's hand-over to Trigger.dev until its first report. Any report then counts as newer, because the
   * clocks may differ. Not part of the API.
   */
  unreported?: true;
};
