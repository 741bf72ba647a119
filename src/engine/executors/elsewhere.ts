import type { Outcome } from '../port.ts';
import { runError } from './output.ts';

/** What becomes of a run that an earlier engine handed to a receiver which this one does not follow. */
export function elsewhere(what: string): Outcome {
  const message = `Another engine delivered the run and did not see its end; ${what} cannot follow it.`;
  return { kind: 'failed', error: runError('EngineChanged', message), repeatable: false };
}
