import type { Run, RunAttempt, RunError } from '../../generated/types.gen.ts';
import { type FieldTable, bsonToJson, fieldTable } from './bson-to-json.ts';
import { JsonText, Piece } from './json-text.ts';
import type { RunDocument } from '../store/run-document.ts';
import type { RawRun } from '../store/run-raw.ts';
import type { RunDetail } from './part.ts';

/** All visible fields of an attempt, by stored name. */
const ATTEMPT = {
  id: 'id',
  status: 'status',
  createdAt: 'createdAt',
  updatedAt: 'updatedAt',
  startedAt: 'startedAt',
  completedAt: 'completedAt',
  error: 'error',
} as const satisfies { [Field in keyof Required<RunAttempt>]: Field };

/**
 * All visible fields of a run, by stored name. The object names each field, so that no other part of the document can
 * leak. It does not compile if a field is missing.
 */
const RUN = {
  _id: 'id',
  status: 'status',
  taskIdentifier: 'taskIdentifier',
  triggerFunction: 'triggerFunction',
  createdAt: 'createdAt',
  updatedAt: 'updatedAt',
  startedAt: 'startedAt',
  finishedAt: 'finishedAt',
  delayedUntil: 'delayedUntil',
  expiredAt: 'expiredAt',
  ttl: 'ttl',
  idempotencyKey: 'idempotencyKey',
  version: 'version',
  isTest: 'isTest',
  tags: 'tags',
  metadata: 'metadata',
  costInCents: 'costInCents',
  baseCostInCents: 'baseCostInCents',
  durationMs: 'durationMs',
  env: 'env',
  depth: 'depth',
  batchId: 'batchId',
  payload: 'payload',
  output: 'output',
  error: 'error',
  attempts: { name: 'attempts', each: ATTEMPT },
  schedule: 'schedule',
  relatedRuns: 'relatedRuns',
} as const satisfies Shown<Exclude<keyof RunDocument, Private | 'task_id'>>;

/** Stored fields that no reply contains. */
type Private = 'account_id' | 'fence' | 'engine_run_id' | 'unreported';

type Shown<Stored extends string> = {
  [Field in Stored]: (Field extends '_id' ? 'id' : Field) extends infer Name extends keyof Run
    ? Name | { name: Name; each: typeof ATTEMPT }
    : never;
};

/** All fields of a run except those that may be large, which a summary leaves out (openapi.yaml, Run). */
const { payload: _payload, output: _output, attempts: _attempts, metadata: _metadata, ...SMALL } = RUN;

const ERROR_IN_SUMMARY = { message: 'message', name: 'name' } as const satisfies {
  [Field in Exclude<keyof RunError, 'stackTrace'>]-?: Field;
};

const SUMMARY = { ...SMALL, error: { name: 'error', only: ERROR_IN_SUMMARY } };

/** The stored fields to read for each run detail; undefined reads all fields. */
export const SHOWN_FROM = {
  full: undefined,
  summary: Object.keys(SUMMARY),
} satisfies Record<RunDetail, string[] | undefined>;

const RUN_IN_TASK = { full: fieldTable(RUN), summary: fieldTable(SUMMARY) } satisfies Record<
  RunDetail,
  FieldTable
>;
const STANDALONE_RUN = fieldTable({ ...RUN, task_id: 'task_id' } satisfies Shown<
  Exclude<keyof RunDocument, Private>
>);

function view({ bytes }: RawRun, fields: FieldTable): JsonText<Run> {
  return JsonText.of(new Piece(bsonToJson(bytes, fields)));
}

/** Returns the run as the API shows it within its task. */
export function viewRun(run: RawRun, detail: RunDetail = 'full'): JsonText<Run> {
  return view(run, RUN_IN_TASK[detail]);
}

/** Returns the run as the API shows it on its own, with the id of its task. */
export function viewRunOfTask(run: RawRun): JsonText<Run> {
  return view(run, STANDALONE_RUN);
}

/** Returns the run as the API lists it: on its own, with the title of its task. */
export function viewTitledRun({ bytes }: RawRun, title: string | null): JsonText<Run> {
  const fields = bsonToJson(bytes, STANDALONE_RUN).subarray(0, -1);
  return JsonText.of(new Piece(fields), new Piece(`,"title":${JSON.stringify(title)}}`));
}
