import { Arguments, keyPartsOf } from '../arguments.ts';
import { rawOf } from '../bson-writer.ts';
import {
  type Collection,
  ID_INDEX_NAME,
  type IndexInfo,
  namespaceOf,
  patternDocument,
  patternText,
} from '../catalog.ts';
import type { Call, Reply } from '../engine.ts';
import { CommandError } from '../errors.ts';
import { type NewIndex, buildIndex, discardIndex } from '../index-build.ts';
import { collectionName } from '../namespaces.ts';
import type { RawValue } from '../raw-bson.ts';
import { cursorReply } from './list.ts';

/** MongoDB's limit for expireAfterSeconds: the largest signed 32-bit integer. */
const MAX_EXPIRY_SECONDS = 2_147_483_647;

/** The `createIndexes` command. Skips indexes that exist with the same options. */
export async function createIndexes(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  const name = collectionName(call);
  const requests = (args.list('indexes') ?? []).map(parseIndex);
  if (requests.length === 0) throw new CommandError(2, 'Must specify at least one index to create');
  const known = engine.store.collection(db, name);
  const collection = known ?? (await engine.store.write(() => engine.store.obtainCollection(db, name)));
  const before = collection.indexes.length;
  for (const request of requests) {
    if (isPresent(collection, request)) continue;
    await buildIndex(engine.store, collection, request);
  }
  return {
    numIndexesBefore: before,
    numIndexesAfter: collection.indexes.length,
    createdCollectionAutomatically: !known,
  };
}

function parseIndex(value: RawValue): NewIndex {
  const entry = Arguments.of('createIndexes.indexes', value);
  const parts = keyPartsOf(entry.document('key'), 'an index');
  const name = entry.text('name');
  if (parts.length === 0 || !name)
    throw new CommandError(9, "The 'key' and 'name' fields are required for an index specification");
  const expireAfterSeconds = entry.count('expireAfterSeconds');
  if (expireAfterSeconds !== undefined && (parts.length !== 1 || expireAfterSeconds > MAX_EXPIRY_SECONDS)) {
    throw new CommandError(
      67,
      `A TTL index must have one field, and its expireAfterSeconds must be at most ${MAX_EXPIRY_SECONDS}`,
    );
  }
  return { name, parts, unique: entry.boolean('unique'), expireAfterSeconds };
}

/** Whether the index exists. Throws CommandError 85 or 86 if an index shares its key or name but differs otherwise. */
function isPresent(collection: Collection, request: NewIndex): boolean {
  const pattern = patternText(request.parts);
  for (const index of collection.indexes) {
    const sameKey = patternText(index.parts) === pattern;
    if (!sameKey && index.name !== request.name) continue;
    if (sameKey && index.name === ID_INDEX_NAME) return true;
    const sameOptions =
      index.unique === request.unique && index.expireAfterSeconds === request.expireAfterSeconds;
    if (sameKey && sameOptions && index.name === request.name) return true;
    throw new CommandError(
      sameKey ? 85 : 86,
      `An existing index '${index.name}' on ${namespaceOf(collection)} has ${sameKey ? 'the same key with another name or options' : 'the same name with another key'}`,
    );
  }
  return false;
}

export function listIndexes(call: Call): Reply {
  const { engine, db } = call;
  const name = collectionName(call);
  const collection = engine.store.collection(db, name);
  if (!collection) throw new CommandError(26, `ns does not exist: ${db}.${name}`);
  return cursorReply(`${db}.${name}`, collection.indexes.filter(({ ready }) => ready).map(describeIndex));
}

function describeIndex({ parts, name, unique, expireAfterSeconds }: IndexInfo): RawValue {
  return rawOf({
    v: 2,
    key: patternDocument(parts),
    name,
    ...(unique && name !== ID_INDEX_NAME && { unique: true }),
    ...(expireAfterSeconds !== undefined && { expireAfterSeconds }),
  });
}

/** The `dropIndexes` command. Drops one index by name; MongoDB also accepts a key pattern, a list or '*'. */
export async function dropIndexes(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  const collection = engine.store.collection(db, collectionName(call));
  if (!collection) throw new CommandError(26, 'ns not found');
  const nIndexesWas = collection.indexes.length;
  const wanted = args.text('index');
  if (wanted === ID_INDEX_NAME) throw new CommandError(72, 'cannot drop _id index');
  const index = collection.indexes.find(({ name }) => name === wanted);
  if (!index) throw new CommandError(27, `index not found with name [${wanted ?? ''}]`);
  await engine.store.write(() => discardIndex(engine.store, collection, index.id));
  engine.janitor.wake();
  return { nIndexesWas };
}
