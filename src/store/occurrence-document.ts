/** A document of the collection `occurrences`: the outcome of one fire time of a task. */
export interface OccurrenceDocument {
  /** The task's id, a space, and the fire time as RFC 3339. */
  _id: string;
  task_id: string;
  account_id: string;
  /** The fire time; for several missed ones, the first. */
  scheduled_at: Date;
  outcome: 'fired' | 'skipped' | 'missed';
  /** Present only if the outcome is `fired`. */
  run_id?: string;
  /** Present only if the outcome is `skipped` or `missed`. */
  reason?: string;
  /** The last of several missed fire times. */
  last_scheduled_at?: Date;
  /** Number of missed fire times that this document covers. */
  count?: number;
  /** When the database may remove the document. */
  expires_at: Date;
}
