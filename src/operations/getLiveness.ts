import type { Reply } from './handlers.ts';

/** Handles GET /health/live. */
export function getLiveness() {
  return async (): Promise<Reply<'getLiveness'>> => ({ status: 200, body: { status: 'live' } });
}
