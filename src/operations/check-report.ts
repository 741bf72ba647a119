import type { RunReport } from '../../generated/types.gen.ts';
import { ApiError } from '../lib/errors.ts';
import { refuseUnstorable } from './check-texts.ts';

/** Maximum JSON size of a run or a payload (openapi.yaml, RecordRunsRequest.runs and RunTaskRequest.payload). */
const MAX_BYTES = 262_144;

function jsonBytes(value: unknown, hasBigint: boolean): number {
  // A replacer makes JSON.stringify several times slower.
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
 * Checks what a schema cannot: the size of a value, and that the database returns it unchanged.
 * @throws ApiError
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
 * Checks a reported run.
 * @param path - location of the run in the body, such as `runs.0`
 * @throws ApiError
 */
export function checkReport(path: string, run: RunReport): void {
  checkJson(path, run, 'a run', 'Shorten its payload or its output.');
}

/**
 * Checks the payload of a run; undefined means no payload.
 * @throws ApiError
 */
export function checkPayload(path: string, payload: unknown): void {
  if (payload !== undefined) checkJson(path, payload, 'a payload', 'Shorten it, or send a link to the data.');
}
