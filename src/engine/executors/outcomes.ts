import type { Outcome } from '../port.ts';
import { runError } from './output.ts';

/** Returns the outcome of an attempt that was delivered and failed. */
export function failed(name: string, message: string, repeatable = false, stack = ''): Outcome {
  return { kind: 'failed', error: runError(name, message, stack), repeatable };
}

/**
 * Returns the outcome of a run that an engine of another kind delivered, so that this engine cannot see how it ends.
 * @param what - what executes runs in this engine, with its article
 */
export function deliveredElsewhere(what: string): Outcome {
  const message = `An engine of another kind had already started this run, and ${what} cannot see how that work ends.`;
  return failed('EngineChanged', message);
}
