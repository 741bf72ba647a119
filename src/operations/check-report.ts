import type { RunReport } from '../../generated/types.gen.ts';
import { ApiError } from '../lib/errors.ts';
import { refuseUnstorable } from './check-texts.ts';

/**
 * Maximum size in bytes of a reported run or of a payload as JSON (openapi.yaml, RecordRunsRequest.runs and
 * RunTaskRequest.payload).
 */
const MAX_BYTES = 262_144;

/** Returns the size in bytes of a value as JSON. A bigint counts as the number that it stands for. */
function jsonBytes(value: unknown, hasBigint: boolean): number {
  // Use a replacer only if necessary, because it makes JSON.stringify several times slower.
  if (!hasBigint) return Buffer.byteLength(JSON.stringify(value));
  let quotationMarks = 0;
  const text = JSON.stringify(value, (_name, member: unknown) => {
    if (typeof member !== 'bigint') return member;
    quotationMarks += 2;
    return String(member);
  });
  return Buffer.byteLength(text) - quotationMarks;
}

/**
 * Checks what a schema cannot: that a value is small enough, and that the database returns it unchanged.
 * @throws ApiError body_too_large, invalid_body
 */
function checkJson(path: string, value: unknown, kind: string, advice: string): void {
  const bytes = jsonBytes(value, refuseUnstorable(path, value));
  if (bytes <= MAX_BYTES) return;
  throw new ApiError(
    'body_too_large',
    `Field "${path}" has ${bytes.toLocaleString('en')} bytes as JSON. The limit for ${kind} is ` +
      `${MAX_BYTES.toLocaleString('en')}. ${advice}`,
  );
}

/**
 * Checks that a reported run is not too large, and that the database can store it without altering it.
 * @param path - location of the run in the body, such as `runs.0`
 * @throws ApiError
 */
export function checkReport(path: string, run: RunReport): void {
  checkJson(path, run, 'a run', 'Shorten its payload or its output.');
}

/**
 * Checks that a run's payload is not too large, and that the database can store it without altering it. Undefined means
 * no payload.
 * @throws ApiError
 */
export function checkPayload(path: string, payload: unknown): void {
  if (payload !== undefined) checkJson(path, payload, 'a payload', 'Shorten it, or send a link to the data.');
}
