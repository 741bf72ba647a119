import type { RunReport } from '../../generated/types.gen.ts';
import { ApiError } from '../errors.ts';

/** openapi.yaml, RecordRunsRequest.runs. */
const MAX_RUN_BYTES = 262_144;

/** NUL, which BSON's names cannot have, and halves of surrogate pairs, which UTF-8 cannot express. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** Characters of a field's path in a message. */
const MAX_PATH = 200;

function refuse(path: string, problem: string): never {
  throw new ApiError('invalid_body', `Field "${path.slice(0, MAX_PATH)}" ${problem}.`);
}

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

/** Walks through JSON, whose depth is bounded when it is read. */
function check(path: string, value: unknown): void {
  if (typeof value === 'string' && UNSTORABLE.test(value)) {
    refuse(path, 'must not have NUL characters or halves of surrogate pairs');
  }
  if (typeof value === 'number' && !Number.isFinite(value))
    refuse(path, 'is a larger number than there can be');
  if (Array.isArray(value)) for (const [at, item] of value.entries()) check(`${path}.${at}`, item);
  else if (typeof value === 'object' && value !== null) {
    checkNames(path, Object.keys(value));
    for (const [name, member] of Object.entries(value)) check(`${path}.${name}`, member);
  }
}

/**
 * Refuses what a schema cannot: a run that is too large, and free-form JSON that would not come back from the database as
 * it went in.
 * @param path - where the run is in the body, such as `runs.0`
 * @throws ApiError
 */
export function checkReport(path: string, run: RunReport): void {
  const bytes = Buffer.byteLength(JSON.stringify(run));
  if (bytes > MAX_RUN_BYTES) {
    throw new ApiError(
      'body_too_large',
      `Field "${path}" has ${bytes.toLocaleString('en')} bytes as JSON; a run may have ` +
        `${MAX_RUN_BYTES.toLocaleString('en')}. Shorten its payload or its output.`,
    );
  }
  check(path, run);
}
