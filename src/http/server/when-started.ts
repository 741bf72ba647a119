import type { RequestHandler } from 'express';
import type { Readiness } from '../../database/readiness.ts';
import { isTrusted } from '../security/credentials.ts';

/** Refuses requests with 503 until the service has started, except the service's own warm-up requests. */
export function whenStarted(readiness: Readiness): RequestHandler {
  return async (request, _response, next) => {
    if (!isTrusted(request)) await readiness.checkStarted();
    next();
  };
}
