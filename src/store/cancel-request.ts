/** A document of the collection `cancel_requests`: a run to cancel at Trigger.dev. */
export interface CancelRequest {
  /** The run's id in this service. */
  _id: string;
  /** The run's id at Trigger.dev. */
  engine_run_id: string;
  /** When the database drops the request, even if no engine has sent the cancellation to Trigger.dev by then. */
  expires_at: Date;
}
