import type { Outcome } from '../port.ts';
import { runError } from './output.ts';

/** Returns the outcome of an attempt that was delivered and failed. */
export function failed(name: string, message: string, repeatable = false, stack = ''): Outcome {
  return { kind: 'failed', error: runError(name, message, stack), repeatable };
}

/**
 * Returns the failure of a run that an engine of another kind has delivered: this engine cannot see how the work ends.
 * @param what - what executes runs in this engine, e.g. `a command`
 */
export function deliveredElsewhere(what: string): Outcome {
  const message = `An engine of another kind had already started this run, and ${what} cannot see how that work ends.`;
  return failed('EngineChanged', message);
}
