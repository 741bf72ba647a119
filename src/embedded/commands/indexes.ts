import { Arguments, keyPartsOf } from '../arguments.ts';
import { type Collection, ID_INDEX_NAME, type IndexInfo } from '../catalog.ts';
import type { Call, Reply } from '../engine.ts';
import { CommandError, unsupported } from '../errors.ts';
import { buildIndex } from '../index-build.ts';
import { describeIndex } from '../index-describe.ts';
import type { KeyPart } from '../index-keys.ts';
import { checkDatabaseName, collectionName } from '../namespaces.ts';
import { arrayIndex } from '../paths.ts';
import { patternText } from '../planner.ts';
import { type RawValue, TYPE, fieldsOf, isObject, textOf, valuesOf } from '../raw-bson.ts';
import { cursorReply } from './list.ts';

/** An index as createIndexes asks for it. */
interface IndexRequest {
  readonly name: string;
  readonly parts: readonly KeyPart[];
  readonly unique: boolean;
  readonly expireAfterSeconds: number | undefined;
}

const MAX_INDEXES = 64;
/** As MongoDB: what fits a signed 32-bit number of seconds. */
const MAX_EXPIRY_SECONDS = 2_147_483_647;

/** The `createIndexes` command. Indexes that are there already, with the same options, are left alone. */
export async function createIndexes(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  args.allowOnly(['createIndexes', 'indexes', 'commitQuorum', 'ignoreUnknownIndexOptions']);
  args.refuse('ignoreUnknownIndexOptions');
  checkDatabaseName(db);
  const name = collectionName(call);
  const requests = (args.list('indexes') ?? []).map(parseIndex);
  if (requests.length === 0) throw new CommandError(2, 'Must specify at least one index to create');
  const known = engine.store.collection(db, name);
  const collection = known ?? (await engine.store.write(() => engine.store.obtainCollection(db, name)));
  const before = collection.indexes.length;
  for (const request of requests) {
    if (isPresent(collection, request)) continue;
    if (collection.indexes.length >= MAX_INDEXES) {
      throw new CommandError(67, `add index fails, too many indexes for ${collection.namespace}`);
    }
    await buildIndex(engine.store, collection, request);
  }
  const after = collection.indexes.length;
  return {
    numIndexesBefore: before,
    numIndexesAfter: after,
    createdCollectionAutomatically: !known,
    ...(before === after && { note: 'all indexes already exist' }),
  };
}

function parseIndex(value: RawValue): IndexRequest {
  const entry = Arguments.of('createIndexes.indexes', value);
  const refused = [
    'sparse',
    'partialFilterExpression',
    'collation',
    'wildcardProjection',
    'hidden',
    'weights',
  ];
  for (const [name] of isObject(value) ? fieldsOf(value) : []) {
    if (!['key', 'name', 'unique', 'expireAfterSeconds', 'background', 'v', ...refused].includes(name)) {
      throw new CommandError(197, `The field '${name}' is not valid for an index specification.`);
    }
  }
  entry.refuse(...refused);
  const key = entry.document('key');
  const name = entry.text('name');
  if (!key || !name)
    throw new CommandError(9, "The 'key' and 'name' fields are required for an index specification");
  const parts = indexParts(key);
  const expireAfterSeconds = entry.count('expireAfterSeconds');
  if (expireAfterSeconds !== undefined && (parts.length !== 1 || expireAfterSeconds > MAX_EXPIRY_SECONDS)) {
    throw new CommandError(
      67,
      'TTL indexes are single-field indexes, with expireAfterSeconds within 32 bits',
    );
  }
  return { name, parts, unique: entry.boolean('unique'), expireAfterSeconds };
}

function indexParts(key: RawValue): KeyPart[] {
  for (const [name, kind] of fieldsOf(key)) {
    if (kind.type === TYPE.string) throw unsupported(67, `an index of type '${textOf(kind)}'`);
    const parts = name.split('.');
    if (parts.includes('$**')) throw unsupported(67, 'a wildcard index');
    if (parts.slice(1).some((part) => arrayIndex(Buffer.from(part)) >= 0)) {
      throw unsupported(67, `an index on an array position ('${name}')`);
    }
  }
  const parts = keyPartsOf(key, 'index key');
  if (parts.length === 0) throw new CommandError(67, 'Index keys cannot be empty.');
  return parts;
}

/** Throws 85 or 86 if an index of that name or key is there with something else. */
function isPresent(collection: Collection, request: IndexRequest): boolean {
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
      `An existing index '${index.name}' on ${collection.namespace} has ${sameKey ? 'the same key with another name or options' : 'the same name with another key'}`,
    );
  }
  return false;
}

/** The `listIndexes` command. */
export function listIndexes(call: Call): Reply {
  const { args, engine, db } = call;
  args.allowOnly(['listIndexes', 'cursor', 'includeBuildUUIDs', 'includeIndexBuildInfo']);
  const name = collectionName(call);
  const collection = engine.store.collection(db, name);
  if (!collection) throw new CommandError(26, `ns does not exist: ${db}.${name}`);
  return cursorReply(`${db}.${name}`, collection.indexes.filter(({ ready }) => ready).map(describeIndex));
}

/** The `dropIndexes` command: by name, by key, or '*' for all but _id. */
export async function dropIndexes(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  args.allowOnly(['dropIndexes', 'deleteIndexes', 'index']);
  const collection = engine.store.collection(db, collectionName(call));
  if (!collection) throw new CommandError(26, 'ns not found');
  const nIndexesWas = collection.indexes.length;
  const doomed = chosenIndexes(collection, args.value('index'));
  await engine.store.write(() => {
    engine.store.setIndexes(
      collection,
      collection.indexes.filter(({ id }) => !doomed.some((index) => index.id === id)),
    );
    for (const { id } of doomed) engine.store.discard({ kind: 'entries', id });
  });
  engine.janitor.wake();
  return { nIndexesWas };
}

function chosenIndexes(collection: Collection, choice: RawValue | undefined): readonly IndexInfo[] {
  const others = collection.indexes.filter(({ name }) => name !== ID_INDEX_NAME);
  if (choice?.type === TYPE.string && textOf(choice) === '*') return others;
  const names = choice?.type === TYPE.array ? valuesOf(choice) : choice ? [choice] : [];
  if (names.length === 0)
    throw new CommandError(40414, "BSON field 'dropIndexes.index' is missing but a required field");
  return names.map((wanted) => {
    const text = wanted.type === TYPE.string ? textOf(wanted) : undefined;
    const pattern = isObject(wanted) ? patternText(keyPartsOf(wanted, 'index key')) : undefined;
    if (text === ID_INDEX_NAME || pattern === '_id:1') throw new CommandError(72, 'cannot drop _id index');
    const index = others.find(({ name, parts }) => name === text || patternText(parts) === pattern);
    if (!index) throw new CommandError(27, `index not found with name [${text ?? pattern ?? ''}]`);
    return index;
  });
}
