/**
 * A document of the collection `idempotency_keys`: the claim of a caller's first request with an Idempotency-Key. It
 * fixes the id of the task or run that all requests with this key create, and stores the reply to repeat.
 */
export interface ClaimDocument {
  /** SHA-256 of the caller and the Idempotency-Key. */
  _id: string;
  /** SHA-256 of the request's body. The order of fields does not matter, at any depth. */
  body_hash: string;
  /**
   * The id of the task to create; for runTask, the id of the run without its prefix `run_`. Stored before the insert,
   * so that all requests with this key insert the same id.
   */
  task_id: string;
  /**
   * When the claim was stored. Only version 0.1.0 reads this field. Without it, processes of that version would fail
   * during a rolling upgrade.
   */
  claimed_at: Date;
  /** When the caller may use the key for another request. The database removes the document some time later. */
  expires_at: Date;
  /**
   * The body of createTask's reply as JSON, which repeated requests get. Absent until a request has stored it; runTask
   * stores none.
   */
  reply?: string;
}
