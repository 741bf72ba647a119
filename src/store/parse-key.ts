import type { Right } from '../../generated/types.gen.ts';
import type { ApiKeyDocument, StoredKey } from './key-document.ts';
import { isRight, RIGHTS } from './rights.ts';

/** A key that this version fully understands, or the reason why it must not be used. */
export type ParsedKey = { key: ApiKeyDocument; problem?: never } | { key?: never; problem: string };

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MAX_SHOWN = 60;

const isString = (value: unknown) => typeof value === 'string';
const isInstant = (value: unknown): value is Date => value instanceof Date && !Number.isNaN(value.getTime());
const areRightsOrAbsent = (value: unknown): value is Right[] | undefined =>
  value === undefined || (Array.isArray(value) && value.length > 0 && value.every(isRight));
const isInstantOrAbsent = (value: unknown) => value === undefined || isInstant(value);

/** Formats a stored value on one line, without characters that a terminal would interpret. */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : `of type ${typeOf(value)}`;
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value;
}

const unlike = (field: keyof ApiKeyDocument, expected: string, value: unknown): ParsedKey => ({
  problem: `${field} must be ${expected}, but is ${value === undefined ? 'missing' : shown(value)}`,
});

/**
 * Checks every field of a stored key. An unknown field, scope or type makes the key unusable: a later version may use
 * it to narrow the key's rights.
 */
export function parseKey(stored: StoredKey): ParsedKey {
  const { _id, hash, name, scope, account_id, ...rest } = stored;
  const { may, created_at, expires_at, last_used_at, revoked_at, ...unknown } = rest;
  // Fails to compile if a field of ApiKeyDocument is not destructured above.
  const [unknownField] = Object.keys(unknown satisfies Record<string, never>);
  if (unknownField !== undefined) return { problem: `field ${shown(unknownField)} is unknown` };
  // The deprecated BSON type "undefined" would pass for an absent field below.
  const [undefinedField] = Object.entries(stored).find(([, value]) => value === undefined) ?? [];
  if (undefinedField !== undefined) return { problem: `${undefinedField} must not be of type undefined` };

  if (!isString(_id)) return unlike('_id', 'a string', _id);
  // Never show a hash, not even an invalid one.
  if (!isString(hash)) return { problem: 'hash must be a string' };
  if (!isString(name)) return unlike('name', 'a string', name);
  if (!isInstant(created_at)) return unlike('created_at', 'a date', created_at);
  if (!isInstantOrAbsent(expires_at)) return unlike('expires_at', 'a date or absent', expires_at);
  if (!isInstantOrAbsent(last_used_at)) return unlike('last_used_at', 'a date or absent', last_used_at);
  if (!isInstantOrAbsent(revoked_at)) return unlike('revoked_at', 'a date or absent', revoked_at);

  const common = { _id, hash, name, created_at, expires_at, last_used_at, revoked_at };
  switch (scope) {
    case 'account':
      if (!isString(account_id) || !UUID.test(account_id)) {
        return unlike('account_id', 'a UUID in lower case', account_id);
      }
      if (!areRightsOrAbsent(may)) return unlike('may', `a list of ${RIGHTS.join(', ')} or absent`, may);
      return { key: { ...common, scope, account_id, ...(may && { may }) } };
    case 'admin':
      if (account_id !== undefined) return unlike('account_id', 'absent with scope "admin"', account_id);
      if (may !== undefined) return unlike('may', 'absent with scope "admin"', may);
      return { key: { ...common, scope } };
    default:
      return unlike('scope', '"account" or "admin"', scope);
  }
}
