import type { Run, RunError } from '../../generated/types.gen.ts';

/** The run's fields that hold instants: RFC 3339 strings on the wire, BSON dates in the database. */
export type RunInstant =
  'createdAt' | 'updatedAt' | 'startedAt' | 'finishedAt' | 'delayedUntil' | 'expiredAt';
type Attempt = NonNullable<Run['attempts']>[number];
export type AttemptInstant = 'createdAt' | 'updatedAt' | 'startedAt' | 'completedAt';

/** The same type with each string that is an instant turned into a Date; null and absence stay what they are. */
type WithDates<Wire, Instant extends PropertyKey> = {
  [Key in keyof Wire]: Key extends Instant ? Date | Exclude<Wire[Key], string> : Wire[Key];
};

export type AttemptDocument = WithDates<Attempt, AttemptInstant>;

/** What an engine reports of a run: the wire's fields with real dates. */
export type RunRecord = Omit<WithDates<Run, RunInstant>, 'attempts' | 'task_id' | 'title'> & {
  attempts?: AttemptDocument[];
};

/** A reported run. */
export type ReportedRun = RunRecord & {
  /**
   * The report is an item of the engine's listing. It leaves payload, output, error, attempts and schedule unchanged unless
   * it names them.
   */
  listItem?: {
    /** The error to record if the run has none. */
    errorIfNone?: RunError;
  };
};

/** A document of the collection `runs`. A field that the engine did not report is absent, not null. */
export type RunDocument = Omit<RunRecord, 'id'> & {
  /** The run's public id. */
  _id: string;
  /** The task it belongs to, which never changes. */
  task_id: string;
  /** The task's owner; stays when the task is deleted. Absent only where another tool added the run. */
  account_id?: string;
  /** The fence of the claim that last wrote the run; only on runs of this service's engine. Never shown. */
  fence?: number;
};
