import type { Right } from '../../generated/types.gen.ts';

/** A document of the collection `api_keys`, as this version writes it. The key itself is not stored. */
export type ApiKeyDocument = {
  /** The public id that lists show and `revoke` takes; not a secret. */
  _id: string;
  /** SHA-256 of the key. */
  hash: string;
  name: string;
  created_at: Date;
  expires_at?: Date;
  /** To the minute; absent until the key is used. */
  last_used_at?: Date;
  revoked_at?: Date;
} & (
  | {
      scope: 'account';
      /** A UUID in lower case. */
      account_id: string;
      /** What the key may do in its account; absent for everything. */
      may?: Right[];
    }
  | { scope: 'admin'; account_id?: never; may?: never }
);

/** A document of `api_keys` as it is read. Another version or a person may have written it, so `parseKey` must check it. */
export type StoredKey = { _id: string } & Partial<Record<keyof ApiKeyDocument, unknown>>;
