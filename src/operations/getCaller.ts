import type { EngineStore } from '../store/engine-store.ts';
import type { Input, Reply } from './handlers.ts';
import { type Principal, rightsOf, scopeOf } from './principal.ts';

interface Dependencies {
  engine: EngineStore;
  now: () => Date;
}

/** Handles GET /api/caller. */
export function getCaller({ engine, now }: Dependencies) {
  return async (_input: Input<'getCaller'>, principal: Principal): Promise<Reply<'getCaller'>> => ({
    status: 200,
    body: {
      status: 'success',
      account_id: scopeOf(principal) ?? null,
      may: rightsOf(principal),
      engine: await engine.liveKind(now()),
    },
  });
}
