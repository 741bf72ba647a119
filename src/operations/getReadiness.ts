import type { ReadinessResponse } from '../../generated/types.gen.ts';
import type { Reply } from './handlers.ts';
import type { EngineState } from '../engine/port.ts';
import type { Readiness } from '../database/readiness.ts';

interface Dependencies {
  readiness: Readiness;
  /** Returns the state of the engine in this process; undefined if the process executes no tasks. */
  engineState?: () => EngineState | undefined;
}

/** Maximum length of `engine.problem` in the reply, in characters (openapi.yaml, ReadinessResponse). */
const MAX_PROBLEM = 1_000;

const viewEngine = ({ kind, live, problem }: EngineState): ReadinessResponse['engine'] => ({
  kind,
  state: live ? 'active' : 'idle',
  ...(problem !== undefined && { problem: problem.slice(0, MAX_PROBLEM) }),
});

/** Handles GET /health/ready. */
export function getReadiness({ readiness, engineState }: Dependencies) {
  return async (): Promise<Reply<'getReadiness'>> => {
    await readiness.check();
    const engine = engineState?.();
    return {
      status: 200,
      body: {
        status: 'ready',
        ...(engine && { engine: viewEngine(engine) }),
      },
    };
  };
}
