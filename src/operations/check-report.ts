import type { RunReport } from '../../generated/types.gen.ts';
import { ApiError } from '../lib/errors.ts';
import { checkText, refuse, UNSTORABLE } from './check-texts.ts';

/** openapi.yaml, RecordRunsRequest.runs. */
const MAX_RUN_BYTES = 262_144;

function checkNames(path: string, names: string[]): void {
  for (const name of names) {
    if (UNSTORABLE.test(name)) refuse(path, 'has a name with NUL or half a surrogate pair');
  }
  if (names.includes('_bsontype'))
    refuse(path, 'has the name "_bsontype", which databases take for their own');
  if (names.includes('$ref') && names.includes('$id')) {
    refuse(path, 'has both names "$ref" and "$id", which databases take for their own');
  }
}

/**
 * Walks through JSON, whose depth is bounded when it is read.
 * @returns whether it has a bigint
 */
function check(path: string, value: unknown): boolean {
  checkText(path, value);
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint';
  if (!Array.isArray(value)) checkNames(path, Object.keys(value));
  let hasBigint = false;
  for (const [name, member] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    if (check(`${path}.${name}`, member)) hasBigint = true;
  }
  return hasBigint;
}

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
  const bytes = jsonBytes(run, check(path, run));
  if (bytes > MAX_RUN_BYTES) {
    throw new ApiError(
      'body_too_large',
      `Field "${path}" has ${bytes.toLocaleString('en')} bytes as JSON; a run may have ` +
        `${MAX_RUN_BYTES.toLocaleString('en')}. Shorten its payload or its output.`,
    );
  }
}
