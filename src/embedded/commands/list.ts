import { rawOf } from '../bson-writer.ts';
import type { Call, Reply } from '../engine.ts';
import { CommandError } from '../errors.ts';
import { parseFilter } from '../filter.ts';
import { compileFilter } from '../matcher.ts';
import { collectionName } from '../namespaces.ts';
import type { RawValue } from '../raw-bson.ts';

/** Returns a cursor reply whose first batch is the complete result. */
export function cursorReply(ns: string, firstBatch: readonly RawValue[]): Reply {
  return { cursor: { firstBatch, id: 0n, ns } };
}

export function listCollections({ args, engine, db }: Call): Reply {
  const matches = compileFilter(parseFilter(args.document('filter')));
  const collections = engine.store.collections().filter((collection) => collection.db === db);
  const described = collections.map(({ name }) =>
    rawOf({ name, type: 'collection', options: {}, info: { readOnly: false } }),
  );
  return cursorReply(`${db}.$cmd.listCollections`, described.filter(matches));
}

export function listDatabases({ engine, db }: Call): Reply {
  if (db !== 'admin') throw new CommandError(13, 'listDatabases may only be run against the admin database.');
  const names = [...new Set(engine.store.collections().map((collection) => collection.db))].toSorted();
  return { databases: names.map((name) => ({ name, sizeOnDisk: 0n, empty: false })), totalSize: 0n };
}

/** The `count` command. Always counts all documents of the collection. */
export function count(call: Call): Reply {
  const { engine, db } = call;
  const collection = engine.store.collection(db, collectionName(call));
  return { n: collection ? engine.store.countRecords(collection) : 0 };
}

export async function create(call: Call): Promise<Reply> {
  const { engine, db } = call;
  const name = collectionName(call);
  await engine.store.write(() => {
    if (engine.store.collection(db, name)) {
      throw new CommandError(48, `Collection ${db}.${name} already exists.`);
    }
    engine.store.obtainCollection(db, name);
  });
  return {};
}

/** The `drop` command. Dropping a missing collection succeeds, as in MongoDB 7. */
export async function drop(call: Call): Promise<Reply> {
  const name = collectionName(call);
  await dropAll(call, (collection) => collection.name === name);
  return {};
}

export async function dropDatabase(call: Call): Promise<Reply> {
  await dropAll(call, () => true);
  return { dropped: call.db };
}

async function dropAll(
  { engine, db }: Call,
  isDoomed: (collection: { readonly name: string }) => boolean,
): Promise<void> {
  await engine.store.write(() => {
    for (const collection of engine.store.collections()) {
      if (collection.db === db && isDoomed(collection)) engine.store.dropCollection(collection);
    }
  });
  engine.janitor.wake();
}
