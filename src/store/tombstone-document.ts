/**
 * A document of the collection `deleted_tasks`: a task that a request deleted. It proves that the task's schedule at
 * Trigger.dev may be deleted too.
 */
export interface TombstoneDocument {
  /** The task's id. */
  _id: string;
  /** The id of the task's schedule at Trigger.dev, if it had one. */
  trigger_schedule_id?: string;
  deleted_at: Date;
  /** Present until the schedule is deleted at Trigger.dev. */
  pending?: true;
  expires_at: Date;
}
