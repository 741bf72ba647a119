import type { Outcome } from '../port.ts';
import { runError } from './output.ts';

/** The outcome of work that was delivered and failed. */
export function failed(name: string, message: string, repeatable = false, stack = ''): Outcome {
  return { kind: 'failed', error: runError(name, message, stack), repeatable };
}

/** The outcome of a run that another engine delivered and this one cannot follow. */
export function deliveredElsewhere(what: string): Outcome {
  return failed('EngineChanged', `Another engine delivered the run, and ${what} cannot follow its work.`);
}
