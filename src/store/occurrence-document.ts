/** A document of the collection `occurrences`: what became of an instant at which a task was due. */
export interface OccurrenceDocument {
  /** The task's id, a blank, and the instant as RFC 3339. */
  _id: string;
  task_id: string;
  account_id: string;
  /** The fire time; of several missed ones, the first. */
  scheduled_at: Date;
  outcome: 'fired' | 'skipped' | 'missed';
  /** Of a fired one. */
  run_id?: string;
  /** Of a skipped or missed one. */
  reason?: string;
  /** Of several missed ones, the last. */
  last_scheduled_at?: Date;
  /** How many missed ones the document stands for. */
  count?: number;
  /** When the database may remove the document. */
  expires_at: Date;
}
