/** A document of the collection `idempotency_keys`: who may create the task of a key, and what was replied. */
export interface ClaimDocument {
  /** SHA-256 of the caller and the key. */
  _id: string;
  /** SHA-256 of the body, whatever the order of its fields. */
  body_hash: string;
  /** The id that the task has or gets, so that whoever takes the claim over cannot create a second one. */
  task_id: string;
  claimed_at: Date;
  /** Removed then by the database, some time later. */
  expires_at: Date;
  /** The reply's body as JSON; absent while the request is in flight. */
  reply?: string;
}
