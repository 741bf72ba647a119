import type { Run, RunAttempt } from '../../generated/types.gen.ts';
import { type FieldTable, bsonToJson, fieldTable } from './bson-to-json.ts';
import { JsonText, Piece } from './json-text.ts';
import type { RunDocument } from '../store/run-document.ts';
import type { RawRun } from '../store/run-raw.ts';

/** Every field of an attempt that is shown, by the name it has in the database. */
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
 * Every field of a run that is shown, by the name it has in the database. Each is named, so that nothing else in the
 * document can leak; the types see to it that none is forgotten.
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

/** Fields of the document that no reply has. */
type Private = 'account_id' | 'fence';

type Shown<Stored extends string> = {
  [Field in Stored]: (Field extends '_id' ? 'id' : Field) extends infer Name extends keyof Run
    ? Name | { name: Name; each: typeof ATTEMPT }
    : never;
};

const IN_ITS_TASK = fieldTable(RUN);
const BY_ITSELF = fieldTable({ ...RUN, task_id: 'task_id' } satisfies Shown<
  Exclude<keyof RunDocument, Private>
>);

function view({ bytes }: RawRun, fields: FieldTable): JsonText<Run> {
  return JsonText.of(new Piece(bsonToJson(bytes, fields)));
}

/** The run as the API shows it in its task. */
export function viewRun(run: RawRun): JsonText<Run> {
  return view(run, IN_ITS_TASK);
}

/** The run as the API shows it by itself, where nothing else tells of which task it is. */
export function viewRunOfTask(run: RawRun): JsonText<Run> {
  return view(run, BY_ITSELF);
}

/** The run as the API lists it: by itself, with the title of its task. */
export function viewTitledRun({ bytes }: RawRun, title: string | null): JsonText<Run> {
  const fields = bsonToJson(bytes, BY_ITSELF).subarray(0, -1);
  return JsonText.of(new Piece(fields), new Piece(`,"title":${JSON.stringify(title)}}`));
}
