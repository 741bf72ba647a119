/** A document of the collection `idempotency_keys`. It fixes which task or run a key creates, and a new task's reply to replay. */
export interface ClaimDocument {
  /** SHA-256 of the caller and the key. */
  _id: string;
  /** SHA-256 of the body, whatever the order of its fields. */
  body_hash: string;
  /** The id of the task, or of the run without `run_`, fixed before it is created: each request with this key inserts the same. */
  task_id: string;
  /** When the claim was made. Only copies of version 0.1.0 read it; without it they fail during a rolling upgrade. */
  claimed_at: Date;
  /** When the key becomes free. The database removes the document some time later. */
  expires_at: Date;
  /** The reply's body as JSON; absent until a request has stored it. */
  reply?: string;
}
