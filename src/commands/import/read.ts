import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import Ajv2020, { type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { RunReport, Task } from '../../../generated/types.gen.ts';
import { fieldAt } from '../../lib/errors.ts';
import { Unstorable, checkStorable } from '../../lib/storable.ts';
import { plainWords } from '../../lib/validator-words.ts';
import type { NewTask } from '../../store/task-store.ts';

/** Thrown if a task or run of the source cannot be stored here. Its message is the reason that the summary shows. */
export class NotImportable extends Error {}

/** Fields of a task that an import does not store: the API computes or joins them, or only the engine writes them. */
const NOT_STORED = ['recent_runs', 'upcoming', 'owner_email', 'artist_name', 'engine_problem'] as const;
const REQUIRED = ['id', 'title', 'prompt', 'schedule', 'account_id', 'artist_account_id'] as const;

/** The fields of a task that an import stores. Tasks of the original API have only some of the optional fields. */
type OwnFields = Pick<Task, (typeof REQUIRED)[number]> &
  Partial<Omit<Task, (typeof REQUIRED)[number] | (typeof NOT_STORED)[number]>>;

interface Schema {
  type?: string | string[];
  $ref?: string;
  properties?: Record<string, Schema>;
}

/** Maximum size of a run as JSON, in bytes (256 KiB, as in openapi.yaml, RecordRunsRequest.runs). */
const MAX_RUN_BYTES = 262_144;

const ID = 'https://spec.invalid/openapi.json';
const SCHEMAS = '#/components/schemas/';

const specFile = createRequire(import.meta.url).resolve('recoup-tasks/openapi.json');
const spec: { components: { schemas: Record<string, Schema> } } = JSON.parse(readFileSync(specFile, 'utf8'));
const { schemas } = spec.components;
const taskProperties = Object.entries(schemas.Task?.properties ?? {}).filter(
  ([name]) => !NOT_STORED.some((field) => field === name),
);
const OwnFields = {
  type: 'object',
  additionalProperties: false,
  required: [...REQUIRED],
  properties: Object.fromEntries(taskProperties),
};
const ajv = addFormats.default(new Ajv2020.default({ strict: false, removeAdditional: true }));
ajv.addSchema({ ...spec, components: { schemas: { ...schemas, OwnFields } }, $id: ID });

/** Returns the fields of a schema that cannot be null. */
function notNullable({ properties = {} }: Schema): string[] {
  const named = Object.entries(properties).map(([name, property]): [string, Schema | undefined] => [
    name,
    property.$ref === undefined ? property : schemas[property.$ref.slice(SCHEMAS.length)],
  ]);
  return named.flatMap(([name, schema]) =>
    schema?.type !== undefined && ![schema.type].flat().includes('null') ? [name] : [],
  );
}

/**
 * Creates a function that checks a value against a schema of the spec. It returns the value without the fields that the
 * schema does not have, and without nulls in fields that must not be null. It throws NotImportable.
 */
function readerOf<Type>(name: string, schema: Schema): (value: unknown) => Type {
  const isFit: ValidateFunction<Type> = ajv.compile<Type>({ $ref: `${ID}${SCHEMAS}${name}` });
  const removed = notNullable(schema);
  return (value) => {
    // Some services send null instead of omitting a field. Remove it where the schema does not allow null.
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
    const given: unknown = Object.fromEntries(
      entries.filter(([field, member]) => member !== null || !removed.includes(field)),
    );
    if (!isFit(given)) throw notImportable(isFit.errors ?? undefined);
    refuseUnstorable(given);
    return given;
  };
}

function notImportable([error]: ErrorObject[] = []): NotImportable {
  const path = (error?.instancePath ?? '').slice(1).replaceAll('/', '.');
  const problem =
    error?.keyword === 'enum'
      ? `must be one of ${error.params['allowedValues'].join(', ')}`
      : plainWords(error?.message ?? 'is invalid');
  return new NotImportable(`${path === '' ? 'It' : fieldAt(path)} ${problem}.`);
}

function refuseUnstorable(value: unknown): void {
  try {
    checkStorable('', value);
  } catch (error) {
    throw error instanceof Unstorable ? new NotImportable(error.message) : error;
  }
}

function dateOf(field: string, instant: string): Date {
  const date = new Date(instant);
  // The schema's check allows a leap second (23:59:60) and an offset without minutes, which a Date cannot represent.
  if (Number.isNaN(date.getTime()))
    throw new NotImportable(
      `Field "${field}" must be an instant with an offset such as Z or +01:00 and no leap second, but is ${instant}.`,
    );
  return date;
}

const fieldsOf = readerOf<OwnFields>('OwnFields', OwnFields);
const reportOf = readerOf<RunReport>('RunReport', schemas.RunReport ?? {});

/** A task of the source in the form in which the database stores it. The source may omit `created_at`. */
export type SourceTask = Omit<NewTask, 'created_at'> & { created_at?: Date };

/**
 * Converts a task from a reply of the source to its stored form. Does not check its schedule or time zone.
 * @throws NotImportable
 */
export function readTask(value: unknown): SourceTask {
  const { id, account_id, artist_account_id, created_at, updated_at, ...fields } = fieldsOf(value);
  return {
    ...fields,
    _id: id.toLowerCase(),
    account_id: account_id.toLowerCase(),
    artist_account_id: artist_account_id.toLowerCase(),
    ...(created_at !== undefined && { created_at: dateOf('created_at', created_at) }),
    ...(updated_at !== undefined && { updated_at: dateOf('updated_at', updated_at) }),
  };
}

/**
 * Converts a run from a reply of the source to the form in which an engine reports runs (RunReport).
 * @throws NotImportable
 */
export function readRun(value: unknown): RunReport {
  const report = reportOf(value);
  const bytes = Buffer.byteLength(JSON.stringify(report));
  if (bytes > MAX_RUN_BYTES) {
    throw new NotImportable(`It has ${bytes.toLocaleString('en')} bytes; the limit for a run is 262,144.`);
  }
  return report;
}
