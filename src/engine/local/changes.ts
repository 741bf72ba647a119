import type { RunError } from '../../../generated/types.gen.ts';
import { exactJson } from '../../lib/exact-json.ts';
import type { AttemptDocument, RunDocument } from '../../store/run-document.ts';
import { closedAttempts, endOf } from '../../store/run-end.ts';
import type { OwnChanges } from '../../store/run-store.ts';
import { type Ending, type FinalEnding, LOST_WORKER, attemptsOf } from './ending.ts';

const MAX_OUTPUT_BYTES = 262_144;
const MAX_ERROR_CHARACTERS = 4_096;

const cut = (text: string): string =>
  text.length > MAX_ERROR_CHARACTERS ? `${text.slice(0, MAX_ERROR_CHARACTERS)} [cut]` : text;

/** Truncates the strings of an error, in case the executor has not. */
function boundedError({ name, message, stackTrace }: RunError): RunError {
  return {
    ...(name !== undefined && { name: cut(name) }),
    message: cut(message),
    ...(stackTrace !== undefined && { stackTrace: cut(stackTrace) }),
  };
}

function boundedOutput(output: unknown): unknown {
  const text = exactJson(output);
  // Allow twice the limit, because the note of a truncated output and JSON escapes add to its length.
  if (Buffer.byteLength(text) <= 2 * MAX_OUTPUT_BYTES) return output;
  return { cut: true, text: Buffer.from(text).subarray(0, MAX_OUTPUT_BYTES).toString() };
}

/** Returns the changes that add an attempt to a run. An attempt whose worker died ends as FAILED. */
export function started(run: RunDocument, now: Date): OwnChanges {
  const attempt: AttemptDocument = {
    id: `attempt_${run._id.replace(/^run_/, '')}_${attemptsOf(run) + 1}`,
    status: 'EXECUTING',
    createdAt: now,
    updatedAt: now,
    startedAt: now,
    completedAt: null,
    error: null,
  };
  return {
    status: 'EXECUTING',
    startedAt: run.startedAt ?? now,
    attempts: [...closedAttempts(run, 'FAILED', LOST_WORKER, now), attempt],
  };
}

/** Returns the changes that remove the last attempt, because an undelivered try does not count as an attempt. */
function withoutLast({ attempts = [], startedAt }: RunDocument): OwnChanges {
  return { attempts: attempts.slice(0, -1), startedAt: attempts.length > 1 ? startedAt : null };
}

/** Returns the changes to a run that will be retried later. */
export function waiting(run: RunDocument, ending: Extract<Ending, { kind: 'again' }>, now: Date): OwnChanges {
  const attempts = ending.delivered
    ? { attempts: closedAttempts(run, 'FAILED', boundedError(ending.error), now) }
    : withoutLast(run);
  return { status: 'REATTEMPTING', ...attempts };
}

export function ended(run: RunDocument, ending: FinalEnding, now: Date): OwnChanges {
  const { status, output } = ending;
  const error = ending.error && boundedError(ending.error);
  return {
    ...endOf(run, status, error, now),
    ...(output !== undefined && { output: boundedOutput(output) }),
    ...(ending.expired && { expiredAt: now }),
    ...(ending.undelivered && withoutLast(run)),
  };
}
