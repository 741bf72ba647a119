import type { RequestHandler } from 'express';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { ApiError } from '../../lib/errors.ts';
import { needsNoKey } from '../request/parameters.ts';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

/**
 * Refuses what pages of other sites have a browser ask. Without credentials, whoever reaches the service may do
 * everything; it listens on loopback, but a page can reach that too, by its own name that suddenly leads to 127.0.0.1 (DNS
 * rebinding) or from its own origin. Programs send no Origin, and the name they called.
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

/** The same, but for operations that need no key anyway. */
export function ownMachineUnlessOpen(document: OpenAPIV3.DocumentV3_1): RequestHandler {
  return (request, response, next) =>
    needsNoKey(document, request) ? next() : ownMachine(request, response, next);
}
