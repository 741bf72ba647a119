import { ApiError } from '../lib/errors.ts';
import type { ApiKeyDocument } from '../store/key-document.ts';

/** The authenticated caller and what they may access. */
export type Principal =
  | { scope: 'admin'; caller: string }
  | {
      scope: 'account';
      /** In lower case. */
      accountId: string;
      /** Separates the Idempotency-Keys of callers. */
      caller: string;
    };

/** The rights of a key that `parseKey` accepted. The switch does not compile while a scope has no case. */
export function principalOf(key: ApiKeyDocument): Principal {
  switch (key.scope) {
    case 'account':
      return { scope: 'account', accountId: key.account_id, caller: `account ${key.account_id}` };
    case 'admin':
      return { scope: 'admin', caller: `key ${key._id}` };
  }
}

/** The account that the caller is limited to; undefined for an admin. */
export function scopeOf(principal: Principal): string | undefined {
  switch (principal.scope) {
    case 'account':
      return principal.accountId;
    case 'admin':
      return undefined;
  }
}

/**
 * Refuses a request that names another account than the caller's, whether there is one or not.
 * @param named - an account_id of the request, in lower case
 * @throws ApiError account_forbidden
 */
export function refuseOtherAccount(principal: Principal, named: string | undefined): void {
  const own = scopeOf(principal);
  if (own === undefined || named === undefined || named === own) return;
  throw new ApiError(
    'account_forbidden',
    'This key belongs to another account than "account_id": name its own account, or leave "account_id" out.',
  );
}
