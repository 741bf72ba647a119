import { Arguments } from '../arguments.ts';
import type { Call, Reply } from '../engine.ts';
import { CommandError, badValue } from '../errors.ts';
import { parseFilter } from '../filter.ts';
import { collectionName } from '../namespaces.ts';
import type { QueryRequest } from '../query.ts';
import { type RawValue, documentBytes } from '../raw-bson.ts';
import { insertRecord } from '../records.ts';
import { parseUpdate, withId } from '../update.ts';
import { type WriteCounts, countsOf, writeMany, writeOne } from '../writes.ts';
import { type Results, type Statement, runStatements } from './statements.ts';

/** MongoDB's limit for the number of statements in one write command. */
const MAX_BATCH = 100_000;

export async function insert(call: Call): Promise<Reply> {
  const { engine, db } = call;
  const name = collectionName(call);
  const { done, errors } = await run(call, 'documents', (document) => ({
    inWrite: () => {
      const bytes = withId(Buffer.from(documentBytes(document)));
      return insertRecord(engine.store, engine.store.obtainCollection(db, name), bytes);
    },
  }));
  return { n: done.length, ...writeErrors(errors) };
}

export async function update(call: Call): Promise<Reply> {
  const { done, errors } = await run(call, 'updates', (statement) => {
    const entry = Arguments.of('update.updates', statement);
    const u = entry.value('u');
    if (!u) throw new CommandError(40414, "BSON field 'update.updates.u' is missing but a required field");
    const change = parseUpdate(u);
    const multi = entry.boolean('multi');
    if (multi && (change.kind === 'replace' || entry.boolean('upsert'))) {
      throw badValue('the embedded engine supports neither replacements nor upserts with multi: true');
    }
    return statementOf(call, entry, change, multi);
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

export async function remove(call: Call): Promise<Reply> {
  const { done, errors } = await run(call, 'deletes', (statement) => {
    const entry = Arguments.of('delete.deletes', statement);
    const limit = entry.count('limit');
    if (limit !== 0 && limit !== 1) throw badValue('The limit field in delete objects must be 0 or 1.');
    return statementOf(call, entry, 'delete', limit === 0);
  });
  return { n: sum(done.map(({ outcome }) => outcome.matched)), ...writeErrors(errors) };
}

/** Creates a statement that changes the first matching document, or all of them. */
function statementOf(
  call: Call,
  entry: Arguments,
  change: Parameters<typeof writeMany>[3],
  isMany: boolean,
): Statement<WriteCounts> {
  const { engine, db } = call;
  const name = collectionName(call);
  const q = entry.document('q');
  if (!q) throw new CommandError(40414, `BSON field '${entry.group}.q' is missing but a required field`);
  const request: QueryRequest = { filter: parseFilter(q), sort: [], limit: 0 };
  if (!isMany) {
    const write = { request, change, upsert: entry.boolean('upsert') };
    return { inWrite: () => countsOf(writeOne(engine.store, db, name, write)) };
  }
  return {
    alone: async () => {
      const collection = engine.store.collection(db, name);
      return collection ? writeMany(engine.store, collection, request, change) : { matched: 0, modified: 0 };
    },
  };
}

async function run<T>(
  { args, engine }: Call,
  field: string,
  parse: (statement: RawValue) => Statement<T>,
): Promise<Results<T>> {
  const batch = args.list(field) ?? [];
  if (batch.length === 0 || batch.length > MAX_BATCH) {
    throw new CommandError(
      16,
      `Write batch sizes must be between 1 and ${MAX_BATCH}. Got ${batch.length} operations.`,
    );
  }
  return runStatements(engine.store, batch, !args.has('ordered') || args.boolean('ordered'), parse);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function writeErrors(errors: Results<unknown>['errors']): Reply {
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
