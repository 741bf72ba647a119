import { ApiError } from '../lib/errors.ts';
import type { Right } from '../../generated/types.gen.ts';
import type { ApiKeyDocument } from '../store/key-document.ts';
import { isRight, RIGHTS } from '../store/rights.ts';

/** The authenticated caller and what they may access. */
export type Principal =
  | { scope: 'admin'; caller: string }
  | {
      scope: 'account';
      /** The account's UUID in lower case. */
      accountId: string;
      may: readonly Right[];
      /**
       * Identifies the caller. Idempotency-Keys are unique per caller: if two callers use the same key, the keys do not
       * collide.
       */
      caller: string;
    };

/**
 * Returns the principal of an API key that `parseKey` has accepted. The switch compiles only if it has a case for every
 * scope.
 */
export function principalOf(key: ApiKeyDocument): Principal {
  switch (key.scope) {
    case 'account':
      return {
        scope: 'account',
        accountId: key.account_id,
        may: key.may ?? RIGHTS,
        caller: `account ${key.account_id}`,
      };
    case 'admin':
      return { scope: 'admin', caller: `key ${key._id}` };
  }
}

/** Returns the only account that the caller may access; undefined for an admin, who may access all accounts. */
export function scopeOf(principal: Principal): string | undefined {
  switch (principal.scope) {
    case 'account':
      return principal.accountId;
    case 'admin':
      return undefined;
  }
}

/** Returns the caller's rights in the order of the spec. An admin has all rights. */
export function rightsOf(principal: Principal): Right[] {
  const { may = RIGHTS } = 'may' in principal ? principal : {};
  return RIGHTS.filter((right) => may.includes(right));
}

/**
 * Refuses a caller who lacks a role that the operation requires. An admin has every role. The roles of an account
 * key are its rights; any other role requires an admin.
 * @throws ApiError right_required, admin_required
 */
export function refuseMissingRole(principal: Principal, roles: string[]): void {
  if (principal.scope === 'admin') return;
  const rights = rightsOf(principal);
  for (const role of roles) {
    if (!isRight(role)) {
      throw new ApiError(
        'admin_required',
        'This operation requires an admin key, and this key belongs to an account.',
      );
    }
    if (rights.includes(role)) continue;
    const own = rights.map((right) => `"${right}"`).join(', ');
    throw new ApiError('right_required', `This operation needs the right "${role}"; this key has ${own}.`);
  }
}

/**
 * Returns the account that a request is limited to: the caller's own, or the one that an admin names. Undefined means
 * all accounts. UUIDs are case-insensitive (RFC 9562, section 4), and the result is in lower case, like stored UUIDs.
 * @throws ApiError account_forbidden if the request names an account other than the caller's, whether or not it exists
 */
export function accountOf(principal: Principal, accountId: string | undefined): string | undefined {
  const own = scopeOf(principal);
  const named = accountId?.toLowerCase();
  if (own === undefined || named === undefined || named === own) return own ?? named;
  throw new ApiError(
    'account_forbidden',
    'This key belongs to a different account than "account_id". Send the account of the key, or omit "account_id".',
  );
}
