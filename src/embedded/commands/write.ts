import { Arguments, deadlineOf, hintOf } from '../arguments.ts';
import type { Call, Reply } from '../engine.ts';
import { CommandError, badValue, typeMismatch } from '../errors.ts';
import { parseFilter } from '../filter.ts';
import { collectionName } from '../namespaces.ts';
import type { QueryRequest } from '../query.ts';
import { type RawValue, documentBytes, isObject } from '../raw-bson.ts';
import { insertRecord } from '../records.ts';
import { withId } from '../update.ts';
import { parseUpdate } from '../update-parse.ts';
import type { Store } from '../store.ts';
import {
  type SingleWrite,
  type WriteCounts,
  countsOf,
  searchAndWrite,
  tryOne,
  writeMany,
  writeOne,
} from '../writes.ts';
import { type Statement, type WriteError, runStatements } from './statements.ts';

/** As MongoDB: statements in one command. */
const MAX_BATCH = 100_000;
/** Documents inserted in one commit. */
const INSERT_CHUNK = 200;

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
  const { store } = engine;
  const { done, errors } = await runStatements(store, statements, isOrdered(args), (statement) => {
    const { request, change, upsert, multi } = updateStatement(args, statement);
    return statementOf(store, db, name, { request, change, upsert }, multi);
  });
  const upserted = done.flatMap(({ index, outcome }) =>
    outcome.upserted ? [{ index, _id: outcome.upserted }] : [],
  );
  return {
    n: sum(done.map(({ outcome }) => outcome.matched)) + upserted.length,
    nModified: sum(done.map(({ outcome }) => outcome.modified)),
    ...(upserted.length > 0 && { upserted }),
    ...writeErrors(errors),
  };
}

/** A statement for one document or, with `multi`, for all that match. */
function statementOf(
  store: Store,
  db: string,
  name: string,
  write: SingleWrite,
  multi: boolean,
): Statement<WriteCounts> {
  if (multi) return { quick: undefined, slow: async () => changeMany(store, db, name, write) };
  return {
    quick: () => {
      const outcome = tryOne(store, db, name, write);
      return outcome === 'busy' ? outcome : countsOf(outcome);
    },
    slow: async () => countsOf(await searchAndWrite(store, db, name, write)),
  };
}

async function changeMany(store: Store, db: string, name: string, write: SingleWrite): Promise<WriteCounts> {
  const collection = store.collection(db, name);
  const counts = collection && (await writeMany(store, collection, write.request, write.change));
  if (!write.upsert || (counts && counts.matched > 0)) return counts ?? { matched: 0, modified: 0 };
  return countsOf(await writeOne(store, db, name, write));
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
  const { store } = engine;
  const statements = batchOf(args, 'deletes');
  const { done, errors } = await runStatements(store, statements, isOrdered(args), (statement) => {
    const entry = Arguments.of('delete.deletes', statement);
    entry.allowOnly(['q', 'limit', 'hint', 'collation'], false);
    entry.refuse('collation');
    const limit = entry.count('limit');
    if (limit !== 0 && limit !== 1) throw badValue('The limit field in delete objects must be 0 or 1.');
    const write: SingleWrite = { request: requestOf(args, entry), change: 'delete', upsert: false };
    return statementOf(store, db, name, write, limit === 0);
  });
  return { n: sum(done.map(({ outcome }) => outcome.matched)), ...writeErrors(errors) };
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

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
