import type { RunReport } from '../../generated/types.gen.ts';
import { ApiError } from '../lib/errors.ts';
import { refuseUnstorable } from './check-texts.ts';

/** openapi.yaml, RecordRunsRequest.runs. */
const MAX_RUN_BYTES = 262_144;

function jsonBytes(run: RunReport, hasBigint: boolean): number {
  // A function for each value makes JSON.stringify several times slower.
  if (!hasBigint) return Buffer.byteLength(JSON.stringify(run));
  let quotationMarks = 0;
  const text = JSON.stringify(run, (_name, value: unknown) => {
    if (typeof value !== 'bigint') return value;
    quotationMarks += 2;
    return String(value);
  });
  return Buffer.byteLength(text) - quotationMarks;
}

/**
 * Refuses what a schema cannot: a run that is too large, and free-form JSON that would not come back from the database as
 * it went in.
 * @param path - where the run is in the body, such as `runs.0`
 * @throws ApiError
 */
export function checkReport(path: string, run: RunReport): void {
  const bytes = jsonBytes(run, refuseUnstorable(path, run));
  if (bytes > MAX_RUN_BYTES) {
    throw new ApiError(
      'body_too_large',
      `Field "${path}" has ${bytes.toLocaleString('en')} bytes as JSON; a run may have ` +
        `${MAX_RUN_BYTES.toLocaleString('en')}. Shorten its payload or its output.`,
    );
  }
}
