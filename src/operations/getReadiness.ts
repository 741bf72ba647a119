import type { Reply } from './handlers.ts';
import type { Readiness } from '../database/readiness.ts';

interface Dependencies {
  readiness: Readiness;
  /** Returns the state of this process's engine; undefined if it has none. */
  engineState?: () => { kind: string; live: boolean } | undefined;
}

/** GET /health/ready */
export function getReadiness({ readiness, engineState }: Dependencies) {
  return async (): Promise<Reply<'getReadiness'>> => {
    await readiness.check();
    const engine = engineState?.();
    return {
      status: 200,
      body: {
        status: 'ready',
        ...(engine && { engine: { kind: engine.kind, state: engine.live ? 'active' : 'idle' } }),
      },
    };
  };
}
