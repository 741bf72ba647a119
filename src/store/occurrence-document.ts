/** A document of the collection `occurrences`: what became of an instant at which a task was due. */
export interface OccurrenceDocument {
  /** The task's id, a space, and the instant as RFC 3339. */
  _id: string;
  task_id: string;
  account_id: string;
  /** The fire time; the first of several missed ones. */
  scheduled_at: Date;
  outcome: 'fired' | 'skipped' | 'missed';
  /** Only if it fired. */
  run_id?: string;
  /** Only if it was skipped or missed. */
  reason?: string;
  /** The last of several missed fire times. */
  last_scheduled_at?: Date;
  /** How many missed fire times the document stands for. */
  count?: number;
  /** When the database may remove the document. */
  expires_at: Date;
}
