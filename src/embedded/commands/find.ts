import { type Arguments, deadlineOf, hintOf, keyPartsOf } from '../arguments.ts';
import { documentOf } from '../bson-writer.ts';
import type { Collection } from '../catalog.ts';
import { MAX_BATCH_BYTES, type ResultSource } from '../cursors.ts';
import type { Call, Reply } from '../engine.ts';
import { badValue } from '../errors.ts';
import { parseFilter } from '../filter.ts';
import { collectionName } from '../namespaces.ts';
import { compileProjection } from '../projection.ts';
import { Query, type QueryRequest } from '../query.ts';
import type { RawValue } from '../raw-bson.ts';

/** As MongoDB: without a batchSize the first batch has 101 documents. */
const FIRST_BATCH = 101;

const OPTIONS = (
  'find filter projection sort skip limit batchSize singleBatch hint allowDiskUse ' +
  'noCursorTimeout allowPartialResults collation let tailable awaitData max min returnKey ' +
  'showRecordId oplogReplay'
).split(' ');

/** The `find` command. */
export async function find(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  const name = collectionName(call);
  const request = findRequest(args);
  const batchSize = args.count('batchSize') ?? FIRST_BATCH;
  const single = args.boolean('singleBatch');
  const collection = engine.store.collection(db, name);
  const source = collection ? new QuerySource(new Query(engine.store, collection, request)) : NOTHING;
  return firstBatch(call, `${db}.${name}`, source, batchSize, single);
}

/** The query a find (or an explained find) asks for. Throws for options that are unknown or not supported. */
export function findRequest(args: Arguments): QueryRequest {
  args.allowOnly(OPTIONS);
  args.refuse('collation', 'let', 'tailable', 'awaitData', 'max', 'min', 'returnKey', 'showRecordId');
  return {
    filter: parseFilter(args.document('filter') ?? documentOf([])),
    sort: keyPartsOf(args.document('sort'), '$sort'),
    skip: args.count('skip') ?? 0,
    limit: args.count('limit') ?? 0,
    hint: hintOf(args),
    deadlineAt: deadlineOf(args),
    projection: compileProjection(args.document('projection')),
  };
}

/** A find's documents, batch by batch. */
export class QuerySource implements ResultSource {
  readonly #query: Query;

  constructor(query: Query) {
    this.#query = query;
  }

  async nextBatch(count: number, maxBytes: number): Promise<{ documents: RawValue[]; done: boolean }> {
    const documents: RawValue[] = [];
    if (count === 0) return { documents, done: false };
    let bytes = 0;
    const done = await this.#query.forEach(({ document }) => {
      documents.push(document);
      bytes += document.end - document.start;
      return documents.length < count && bytes < maxBytes;
    });
    return { documents, done };
  }
}

/** The result of a query on a collection that does not exist. */
export const NOTHING: ResultSource = {
  nextBatch: async () => ({ documents: [], done: true }),
};

/** Replies with the first batch, and with a cursor if there may be more. */
export async function firstBatch(
  { engine }: Call,
  namespace: string,
  source: ResultSource,
  count: number,
  single: boolean,
): Promise<Reply> {
  const { documents, done } = await source.nextBatch(count, MAX_BATCH_BYTES);
  const id = done || single ? 0n : engine.cursors.add(namespace, source);
  return { cursor: { firstBatch: documents, id, ns: namespace } };
}

/** The `getMore` command. */
export async function getMore(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  args.allowOnly(['getMore', 'collection', 'batchSize', 'term', 'lastKnownCommittedOpTime']);
  const namespace = `${db}.${collectionName(call, 'collection')}`;
  const id = args.long('getMore');
  const count = args.count('batchSize') || Number.POSITIVE_INFINITY;
  const { documents, done } = await engine.cursors.next(id, namespace, count);
  return { cursor: { nextBatch: documents, id: done ? 0n : id, ns: namespace } };
}

/** The `killCursors` command. */
export function killCursors(call: Call): Reply {
  const { args, engine, db } = call;
  args.allowOnly(['killCursors', 'cursors']);
  const namespace = `${db}.${collectionName(call)}`;
  const ids = args.longs('cursors');
  if (ids.length === 0) throw badValue('Must specify at least one cursor id in: killCursors');
  const cursorsKilled = ids.filter((id) => engine.cursors.kill(id, namespace));
  const cursorsNotFound = ids.filter((id) => !cursorsKilled.includes(id));
  return { cursorsKilled, cursorsNotFound, cursorsAlive: [], cursorsUnknown: [] };
}

/** The collection a command names, or undefined. */
export function existing(call: Call, field?: string): Collection | undefined {
  return call.engine.store.collection(call.db, collectionName(call, field));
}
