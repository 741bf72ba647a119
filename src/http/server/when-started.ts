import type { RequestHandler } from 'express';
import type { Readiness } from '../../database/readiness.ts';
import { isTrusted } from '../security/credentials.ts';

/** Refuses requests until the service has started, except those of the warm-up. */
export function whenStarted(readiness: Readiness): RequestHandler {
  return async (request, _response, next) => {
    if (!isTrusted(request)) await readiness.checkStarted();
    next();
  };
}
