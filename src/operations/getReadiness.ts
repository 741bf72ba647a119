import type { Reply } from './handlers.ts';
import type { Readiness } from '../database/readiness.ts';

/** GET /health/ready */
export function getReadiness({ readiness }: { readiness: Readiness }) {
  return async (): Promise<Reply<'getReadiness'>> => {
    await readiness.check();
    return { status: 200, body: { status: 'ready' } };
  };
}
