import type { RequestHandler } from 'express';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { ApiError } from '../../lib/errors.ts';
import { needsNoKey } from '../request/parameters.ts';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

/**
 * Refuses requests that pages of other sites send through a browser on this machine. Without API keys, everyone who can
 * reach the port has full access. Even if the port is open on loopback only, such a page can reach it: with a
 * cross-origin request, or by a host name that resolves to 127.0.0.1 (DNS rebinding). Its requests have a foreign
 * Origin or Host. Requests of a program on this machine have a loopback Host and no Origin.
 */
export const ownMachine: RequestHandler = (request, _response, next) => {
  const { host, origin } = request.headers;
  if (host !== undefined && !LOOPBACK.test(host)) {
    throw new ApiError(
      'foreign_origin',
      'This port needs no API key, so the Host header must be localhost, 127.0.0.1 or [::1].',
    );
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    throw new ApiError(
      'foreign_origin',
      'This port needs no API key, so it accepts requests of its own pages only. The Origin header names another origin.',
    );
  }
  next();
};

/** Like ownMachine, but accepts every request to an operation that never needs a key, such as a health check. */
export function ownMachineUnlessOpen(document: OpenAPIV3.DocumentV3_1): RequestHandler {
  return (request, response, next) =>
    needsNoKey(document, request) ? next() : ownMachine(request, response, next);
}
