import { documentOf, rawOf } from '../bson-writer.ts';
import type { Call, Reply } from '../engine.ts';
import { CommandError } from '../errors.ts';
import { parseFilter } from '../filter.ts';
import { patternDocument } from '../index-describe.ts';
import { compileFilter } from '../matcher.ts';
import { checkDatabaseName, collectionName } from '../namespaces.ts';
import type { RawValue } from '../raw-bson.ts';

/** A reply whose result is complete in the first batch. */
export function cursorReply(ns: string, firstBatch: readonly RawValue[]): Reply {
  return { cursor: { firstBatch, id: 0n, ns } };
}

/** The `listCollections` command. */
export function listCollections({ args, engine, db }: Call): Reply {
  args.allowOnly(['listCollections', 'filter', 'cursor', 'nameOnly', 'authorizedCollections']);
  const matches = compileFilter(parseFilter(args.document('filter') ?? documentOf([])));
  const collections = engine.store.collections().filter((collection) => collection.db === db);
  const described = collections.map(({ name, indexes }) =>
    rawOf({
      name,
      type: 'collection',
      options: {},
      info: { readOnly: false },
      idIndex: { v: 2, key: patternDocument(indexes[0]?.parts ?? []), name: '_id_' },
    }),
  );
  return cursorReply(`${db}.$cmd.listCollections`, described.filter(matches));
}

/** The `listDatabases` command. */
export function listDatabases({ args, engine, db }: Call): Reply {
  args.allowOnly(['listDatabases', 'filter', 'nameOnly', 'authorizedDatabases']);
  if (db !== 'admin') throw new CommandError(13, 'listDatabases may only be run against the admin database.');
  const matches = compileFilter(parseFilter(args.document('filter') ?? documentOf([])));
  const names = [...new Set(engine.store.collections().map((collection) => collection.db))].toSorted();
  const databases = names.map((name) => rawOf({ name, sizeOnDisk: 0n, empty: false })).filter(matches);
  return { databases, totalSize: 0n };
}

/** The `create` command. */
export async function create(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  const refused = ['capped', 'size', 'max', 'validator', 'timeseries', 'viewOn', 'pipeline', 'collation'];
  const alsoRefused = [
    'clusteredIndex',
    'expireAfterSeconds',
    'storageEngine',
    'changeStreamPreAndPostImages',
  ];
  args.allowOnly(['create', 'autoIndexId', 'idIndex', 'encryptedFields', ...refused, ...alsoRefused]);
  args.refuse('encryptedFields', ...refused, ...alsoRefused);
  checkDatabaseName(db);
  const name = collectionName(call);
  await engine.store.write(() => {
    if (engine.store.collection(db, name)) {
      throw new CommandError(48, `Collection ${db}.${name} already exists.`);
    }
    engine.store.obtainCollection(db, name);
  });
  return {};
}

/** The `drop` command. Dropping what is not there succeeds, as in MongoDB 7. */
export async function drop(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  args.allowOnly(['drop']);
  const name = collectionName(call);
  const dropped = await engine.store.write(() => {
    const collection = engine.store.collection(db, name);
    if (collection) engine.store.dropCollection(collection);
    return collection;
  });
  if (!dropped) return {};
  engine.janitor.wake();
  return { nIndexesWas: dropped.indexes.length, ns: `${db}.${name}` };
}

/** The `dropDatabase` command. */
export async function dropDatabase({ args, engine, db }: Call): Promise<Reply> {
  args.allowOnly(['dropDatabase']);
  const count = await engine.store.write(() => {
    const doomed = engine.store.collections().filter((collection) => collection.db === db);
    for (const collection of doomed) engine.store.dropCollection(collection);
    return doomed.length;
  });
  if (count > 0) engine.janitor.wake();
  return count > 0 ? { dropped: db } : {};
}
