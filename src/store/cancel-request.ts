/** A document of the collection `cancel_requests`: a run to cancel at Trigger.dev. */
export interface CancelRequest {
  /** The run's id. */
  _id: string;
  /** The run's id at Trigger.dev. */
  engine_run_id: string;
  /** When the request is dropped if no engine has served it. */
  expires_at: Date;
}
