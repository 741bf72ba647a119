/**
 * A document of the collection `idempotency_keys`. It fixes the id that a key's request creates, and stores the reply
 * to replay.
 */
export interface ClaimDocument {
  /** SHA-256 of the caller and the key. */
  _id: string;
  /** SHA-256 of the body. The order of the fields does not matter. */
  body_hash: string;
  /**
   * The id of the new task, or of the new run without `run_`. Fixed before the insert, so that all requests with this
   * key insert the same id.
   */
  task_id: string;
  /** When the claim was made. Only version 0.1.0 reads it; its copies fail without it during a rolling upgrade. */
  claimed_at: Date;
  /** When the key may be reused. The database removes the document some time later. */
  expires_at: Date;
  /** The reply's body as JSON; absent until a request has stored it. */
  reply?: string;
}
