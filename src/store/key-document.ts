import type { Right } from '../../generated/types.gen.ts';

/** A document of the collection `api_keys`, as this version writes it. The key itself is never stored. */
export type ApiKeyDocument = {
  /** The public id, which `keys list` shows and `keys revoke` takes. Not a secret. */
  _id: string;
  /** SHA-256 of the key in base64url. */
  hash: string;
  name: string;
  created_at: Date;
  expires_at?: Date;
  /** When the key was last used, precise to the minute. Absent until its first use. */
  last_used_at?: Date;
  revoked_at?: Date;
} & (
  | {
      scope: 'account';
      /** A UUID in lower case. */
      account_id: string;
      /** The key's rights in its account. Absent means all rights. */
      may?: Right[];
    }
  | { scope: 'admin'; account_id?: never; may?: never }
);

/** A document of `api_keys` as read. Another version or a person may have written it, so `parseKey` must check it. */
export type StoredKey = { _id: string } & Partial<Record<keyof ApiKeyDocument, unknown>>;
