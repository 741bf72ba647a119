import { Arguments, deadlineOf, hintOf } from '../arguments.ts';
import type { Encodable } from '../bson-writer.ts';
import type { Call, Reply } from '../engine.ts';
import { CommandError, badValue, typeMismatch } from '../errors.ts';
import { parseFilter } from '../filter.ts';
import { collectionName } from '../namespaces.ts';
import type { QueryRequest } from '../query.ts';
import { type RawValue, documentBytes, fieldOf, isObject } from '../raw-bson.ts';
import { insertRecord } from '../records.ts';
import { ID_NAME, withId } from '../update.ts';
import { parseUpdate } from '../update-parse.ts';
import { writeMany, writeOne } from '../writes.ts';

/** As MongoDB: statements in one command. */
const MAX_BATCH = 100_000;
/** Documents inserted in one commit. */
const INSERT_CHUNK = 200;

interface WriteError {
  readonly index: number;
  readonly error: CommandError;
}

/** The `insert` command. */
export async function insert(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  args.allowOnly(['insert', 'documents', 'ordered', 'bypassDocumentValidation']);
  const name = collectionName(call);
  const documents = batchOf(args, 'documents');
  const ordered = isOrdered(args);
  const errors: WriteError[] = [];
  let inserted = 0;
  for (let from = 0; from < documents.length; from += INSERT_CHUNK) {
    if (ordered && errors.length > 0) break;
    const chunk = documents.slice(from, from + INSERT_CHUNK);
    await engine.store.write(() => {
      for (const [at, document] of chunk.entries()) {
        if (ordered && errors.length > 0) return;
        const failure = attempt(() => {
          const bytes = withId(Buffer.from(documentBytes(document)));
          insertRecord(engine.store, engine.store.obtainCollection(db, name), bytes);
        });
        if (failure) errors.push({ index: from + at, error: failure });
        else inserted += 1;
      }
    });
  }
  return { n: inserted, ...writeErrors(errors) };
}

/** The `update` command. */
export async function update(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  args.allowOnly(['update', 'updates', 'ordered', 'bypassDocumentValidation', 'let']);
  args.refuse('let');
  const name = collectionName(call);
  const statements = batchOf(args, 'updates');
  const upserted: Encodable[] = [];
  let matched = 0;
  let modified = 0;
  const errors = await runAll(statements, isOrdered(args), async (statement, index) => {
    const { request, change, upsert, multi } = updateStatement(args, statement);
    const collection = engine.store.collection(db, name);
    if (multi && collection) {
      const counts = await writeMany(engine.store, collection, request, change);
      matched += counts.matched;
      modified += counts.modified;
      if (counts.matched > 0 || !upsert) return;
    } else if (multi && !upsert) return;
    const { before, after } = await writeOne(engine.store, db, name, { request, change, upsert });
    if (before && after) {
      matched += 1;
      if (!documentBytes(after).equals(documentBytes(before))) modified += 1;
    } else if (after) {
      matched += 1;
      const id = fieldOf(after, ID_NAME);
      if (id) upserted.push({ index, _id: id });
    }
  });
  return {
    n: matched,
    nModified: modified,
    ...(upserted.length > 0 && { upserted }),
    ...writeErrors(errors),
  };
}

/** One entry of an update command. Throws for unknown and unsupported options. */
export function updateStatement(args: Arguments, statement: RawValue) {
  const entry = Arguments.of('update.updates', statement);
  entry.allowOnly(['q', 'u', 'upsert', 'multi', 'hint', 'collation', 'arrayFilters', 'c', 'sort'], false);
  entry.refuse('collation', 'arrayFilters', 'c', 'sort');
  const u = entry.value('u');
  if (!u) throw new CommandError(40414, "BSON field 'update.updates.u' is missing but a required field");
  const change = parseUpdate(u);
  const multi = entry.boolean('multi');
  if (multi && change.kind === 'replace')
    throw badValue('multi update is not supported for replacement-style update');
  return { request: requestOf(args, entry), change, upsert: entry.boolean('upsert'), multi };
}

/** The `delete` command. */
export async function remove(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  args.allowOnly(['delete', 'deletes', 'ordered', 'let']);
  args.refuse('let');
  const name = collectionName(call);
  let deleted = 0;
  const errors = await runAll(batchOf(args, 'deletes'), isOrdered(args), async (statement) => {
    const entry = Arguments.of('delete.deletes', statement);
    entry.allowOnly(['q', 'limit', 'hint', 'collation'], false);
    entry.refuse('collation');
    const limit = entry.count('limit');
    if (limit !== 0 && limit !== 1) throw badValue('The limit field in delete objects must be 0 or 1.');
    const request = requestOf(args, entry);
    const collection = engine.store.collection(db, name);
    if (!collection) return;
    if (limit === 0) {
      deleted += (await writeMany(engine.store, collection, request, 'delete')).matched;
    } else {
      const { before } = await writeOne(engine.store, db, name, { request, change: 'delete', upsert: false });
      if (before) deleted += 1;
    }
  });
  return { n: deleted, ...writeErrors(errors) };
}

function requestOf(args: Arguments, entry: Arguments): QueryRequest {
  const q = entry.document('q');
  if (!q) throw new CommandError(40414, `BSON field '${entry.owner}.q' is missing but a required field`);
  return {
    filter: parseFilter(q),
    sort: [],
    skip: 0,
    limit: 0,
    hint: hintOf(entry),
    deadlineAt: deadlineOf(args),
  };
}

function batchOf(args: Arguments, field: string): readonly RawValue[] {
  const batch = args.list(field);
  if (!batch || batch.length === 0 || batch.length > MAX_BATCH) {
    throw new CommandError(
      16,
      `Write batch sizes must be between 1 and ${MAX_BATCH}. Got ${batch?.length ?? 0} operations.`,
    );
  }
  if (!batch.every(isObject)) throw typeMismatch(`'${args.owner}.${field}' must hold documents`);
  return batch;
}

function isOrdered(args: Arguments): boolean {
  return !args.has('ordered') || args.boolean('ordered');
}

function attempt(action: () => void): CommandError | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
}

/**
 * Runs statements: in order up to the first failure if `ordered`; otherwise all at once, so that they share commits.
 */
async function runAll(
  statements: readonly RawValue[],
  ordered: boolean,
  run: (statement: RawValue, index: number) => Promise<void>,
): Promise<WriteError[]> {
  const errors: WriteError[] = [];
  const runOne = async (statement: RawValue, index: number): Promise<void> => {
    try {
      await run(statement, index);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      errors.push({ index, error });
    }
  };
  const width = ordered ? 1 : PARALLEL;
  for (let from = 0; from < statements.length; from += width) {
    await Promise.all(
      statements.slice(from, from + width).map((statement, at) => runOne(statement, from + at)),
    );
    if (ordered && errors.length > 0) break;
  }
  return errors.toSorted((left, right) => left.index - right.index);
}

/** Statements of an unordered command in progress at the same time. */
const PARALLEL = 500;

function writeErrors(errors: readonly WriteError[]): Reply {
  if (errors.length === 0) return {};
  return {
    writeErrors: errors.map(({ index, error }) => ({
      index,
      code: error.code,
      errmsg: error.message,
      ...error.details,
    })),
  };
}
