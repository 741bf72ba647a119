import { type Arguments, keyPartsOf } from '../arguments.ts';
import { MAX_BATCH_BYTES, type NextBatch } from '../cursors.ts';
import type { Call, Reply } from '../engine.ts';
import { badValue } from '../errors.ts';
import { parseFilter } from '../filter.ts';
import { collectionName } from '../namespaces.ts';
import { compileProjection } from '../projection.ts';
import { Query, type QueryRequest } from '../query.ts';
import type { RawValue } from '../raw-bson.ts';

/** MongoDB's default size of the first batch, in documents. */
const FIRST_BATCH = 101;

export async function find(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  const name = collectionName(call);
  const request = findRequest(args);
  const batchSize = args.count('batchSize') ?? FIRST_BATCH;
  const isSingle = args.boolean('singleBatch');
  const ns = `${db}.${name}`;
  const collection = engine.store.collection(db, name);
  if (!collection) return { cursor: { firstBatch: [], id: 0n, ns } };
  const nextBatch = batchesOf(new Query(engine.store, collection, request));
  const { documents, done } = await nextBatch(batchSize, MAX_BATCH_BYTES);
  const id = done || isSingle ? 0n : engine.cursors.add(ns, nextBatch);
  return { cursor: { firstBatch: documents, id, ns } };
}

/** Parses the arguments of a find command, on its own or inside an explain command. */
export function findRequest(args: Arguments): QueryRequest {
  const maxTimeMs = args.count('maxTimeMS');
  return {
    filter: parseFilter(args.document('filter')),
    sort: keyPartsOf(args.document('sort'), 'a sort'),
    limit: args.count('limit') ?? 0,
    deadlineAt: maxTimeMs ? Date.now() + maxTimeMs : undefined,
    projection: compileProjection(args.document('projection')),
  };
}

/** Returns a function that reads the query's documents batch by batch. */
function batchesOf(query: Query): NextBatch {
  return async (count, maxBytes) => {
    const documents: RawValue[] = [];
    if (count === 0) return { documents, done: false };
    let bytes = 0;
    const done = await query.forEach(({ document }) => {
      documents.push(document);
      bytes += document.end - document.start;
      return documents.length < count && bytes < maxBytes;
    });
    return { documents, done };
  };
}

export async function getMore(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  const namespace = `${db}.${collectionName(call, 'collection')}`;
  const id = args.long('getMore');
  const count = args.count('batchSize') || Number.POSITIVE_INFINITY;
  const { documents, done } = await engine.cursors.next(id, namespace, count);
  return { cursor: { nextBatch: documents, id: done ? 0n : id, ns: namespace } };
}

export function killCursors(call: Call): Reply {
  const { args, engine, db } = call;
  const namespace = `${db}.${collectionName(call)}`;
  const ids = args.longs('cursors');
  if (ids.length === 0) throw badValue('Must specify at least one cursor id in: killCursors');
  const cursorsKilled = ids.filter((id) => engine.cursors.kill(id, namespace));
  const cursorsNotFound = ids.filter((id) => !cursorsKilled.includes(id));
  return { cursorsKilled, cursorsNotFound, cursorsAlive: [], cursorsUnknown: [] };
}
