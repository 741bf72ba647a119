import type { RequestHandler } from 'express';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { ApiError } from '../../lib/errors.ts';
import { needsNoKey } from '../request/parameters.ts';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

/**
 * Refuses requests that pages of other sites make through the user's browser. Without credentials, everyone who reaches
 * the service has full access. It listens on loopback, but pages can reach that too: with a cross-origin request, or by
 * a host name that they resolve to 127.0.0.1 (DNS rebinding). Programs send no Origin, and the Host that they called.
 */
export const ownMachine: RequestHandler = (request, _response, next) => {
  const { host, origin } = request.headers;
  if (host !== undefined && !LOOPBACK.test(host)) {
    throw new ApiError(
      'foreign_origin',
      'With AUTH=none, the Host header must be localhost, 127.0.0.1 or [::1].',
    );
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    throw new ApiError(
      'foreign_origin',
      "With AUTH=none, only the service's own pages may call the API. The Origin header names another origin.",
    );
  }
  next();
};

/** Like ownMachine, but accepts every request to an operation that needs no key. */
export function ownMachineUnlessOpen(document: OpenAPIV3.DocumentV3_1): RequestHandler {
  return (request, response, next) =>
    needsNoKey(document, request) ? next() : ownMachine(request, response, next);
}
