/** A document of the collection `api_keys`. The key itself is nowhere. */
export interface ApiKeyDocument {
  /** What people call it in a list and revoke it by; no secret. */
  _id: string;
  /** SHA-256 of the key. */
  hash: string;
  name: string;
  scope: 'account' | 'admin';
  /** The account of an account's key, a UUID in lower case. */
  account_id?: string;
  created_at: Date;
  expires_at?: Date;
  /** To the minute; absent until it is used. */
  last_used_at?: Date;
  revoked_at?: Date;
}
