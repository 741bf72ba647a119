import type { RequestHandler } from 'express';
import type { Readiness } from '../../database/readiness.ts';
import { isTrusted } from '../security/credentials.ts';

/** Refuses what is asked before the service has started; it warms up by asking itself. */
export function whenStarted(readiness: Readiness): RequestHandler {
  return async (request, _response, next) => {
    if (!isTrusted(request)) await readiness.checkStarted();
    next();
  };
}
