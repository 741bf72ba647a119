/**
 * A document of the collection `occurrences`: the outcome of one fire time of a task, or of several missed ones in a
 * row.
 */
export interface OccurrenceDocument {
  /** The task's id, a space, and the fire time as RFC 3339. */
  _id: string;
  task_id: string;
  account_id: string;
  /** The fire time. If the document covers several missed fire times, the first of them. */
  scheduled_at: Date;
  outcome: 'fired' | 'skipped' | 'missed';
  /** Present only if the outcome is `fired`. */
  run_id?: string;
  /** Present only if the outcome is `skipped` or `missed`. */
  reason?: string;
  /** The last missed fire time that the document covers. Present only if the outcome is `missed`. */
  last_scheduled_at?: Date;
  /** Number of missed fire times that the document covers. Present only if the outcome is `missed`. */
  count?: number;
  /** When the database may remove the document. */
  expires_at: Date;
}
