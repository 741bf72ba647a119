import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler } from 'express';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import type { ApiKeyDocument } from '../../store/key-document.ts';
import { type Principal, principalOf, refuseMissingRole } from '../../operations/principal.ts';
import type { KeyStore } from '../../store/key-store.ts';
import { ApiError } from '../../lib/errors.ts';
import { needsNoKey, rolesOf } from '../request/parameters.ts';

/** `required`: every operation that is not public needs an API key. `none`: every caller has an admin's access. */
export type Auth = 'required' | 'none';

const EVERYBODY: Principal = { scope: 'admin', caller: 'everybody' };

/** The caller of an operation that needs no key, such as a health check. It has no rights and no account. */
const ANYBODY: Principal = { scope: 'account', accountId: '', may: [], caller: 'anybody' };

/** Header of every 401 reply. It names the supported scheme (RFC 9110, section 11.6.1). */
const CHALLENGE = { 'WWW-Authenticate': 'Bearer realm="recoup-tasks"' };

/** Matches the scheme of an Authorization header if the name is safe to repeat in an error message. */
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]{0,30}(?= |$)/;

const trusted = new WeakSet<IncomingMessage>();

/**
 * Marks a request as sent by this process itself, for its warm-up. The request gets an admin's access without a key.
 */
export function trust(request: IncomingMessage): void {
  trusted.add(request);
}

export function isTrusted(request: IncomingMessage): boolean {
  return trusted.has(request);
}

const keysOfRequests = new WeakMap<IncomingMessage, ApiKeyDocument>();

/** Returns the API key that authenticated a request; undefined before authentication, or if no key was needed. */
export function keyOf(request: IncomingMessage): ApiKeyDocument | undefined {
  return keysOfRequests.get(request);
}

function refuse(code: 'missing_credentials' | 'invalid_credentials', message: string): never {
  throw new ApiError(code, message, { headers: CHALLENGE });
}

/**
 * Returns the value of a header; undefined if it is absent. Node's `headers` would hide that a header is repeated.
 * @throws ApiError invalid_credentials if the header is repeated
 */
function onlyValue(request: IncomingMessage, name: 'x-api-key' | 'authorization'): string | undefined {
  const values = request.headersDistinct[name] ?? [];
  if (values.length > 1)
    refuse('invalid_credentials', `The request has more than one ${name} header; send one.`);
  return values[0];
}

/**
 * Returns the API key that a request contains, and the header that contains it, for error messages.
 * @throws ApiError missing_credentials, invalid_credentials
 */
function presentedKey(request: IncomingMessage): { key: string; place: string } {
  const apiKey = onlyValue(request, 'x-api-key');
  const authorization = onlyValue(request, 'authorization');
  if (apiKey !== undefined && authorization !== undefined) {
    refuse('invalid_credentials', 'The request has both x-api-key and Authorization; send one of them.');
  }
  if (apiKey !== undefined) return { key: apiKey, place: 'x-api-key' };
  if (authorization === undefined) {
    refuse(
      'missing_credentials',
      'The API key is missing. Send it as "x-api-key: KEY" or "Authorization: Bearer KEY".',
    );
  }
  // Scheme names are case-insensitive (RFC 9110, section 11.1).
  const [, bearer] = /^Bearer +(.*)$/i.exec(authorization) ?? [];
  if (bearer !== undefined) return { key: bearer, place: 'Authorization: Bearer' };
  const scheme = SCHEME.exec(authorization)?.[0];
  const tried = scheme === undefined || /^bearer$/i.test(scheme) ? 'has no key' : `uses the scheme ${scheme}`;
  return refuse(
    'invalid_credentials',
    `The Authorization header ${tried}. Send "Authorization: Bearer KEY" or "x-api-key: KEY".`,
  );
}

/**
 * Authenticates the caller, sets `response.locals.principal`, and refuses callers that lack a role that the spec
 * requires for the operation.
 */
export function credentials({
  auth,
  keys,
  now,
  document,
}: {
  auth: Auth;
  keys: KeyStore;
  now: () => Date;
  document: OpenAPIV3.DocumentV3_1;
}): RequestHandler {
  const identify = async (request: Request): Promise<Principal> => {
    if (needsNoKey(document, request)) return ANYBODY;
    if (auth === 'none' || isTrusted(request)) return EVERYBODY;
    const { key, place } = presentedKey(request);
    const found = await keys.authenticate(key, now());
    if (!found) {
      refuse('invalid_credentials', `The API key in ${place} is unknown, expired or revoked.`);
    }
    keysOfRequests.set(request, found);
    return principalOf(found);
  };
  return async (request, response, next) => {
    const principal = await identify(request);
    refuseMissingRole(principal, rolesOf(document, request));
    response.locals.principal = principal;
    next();
  };
}
