import { EJSON } from 'bson';
import type { CollectionRecord, IndexInfo } from '../catalog.ts';
import { ID_INDEX_NAME } from '../catalog.ts';
import { type ArchivedCollection, type IndexSpec, UnusableArchive } from './archive-format.ts';

type Fields = Record<string, unknown>;

/** Converts a collection's indexes, except the one on _id, to the form that createIndexes accepts. */
export function indexSpecs({ indexes }: CollectionRecord): IndexSpec[] {
  return indexes.filter((index) => index.ready && index.name !== ID_INDEX_NAME).map(specOf);
}

function specOf({ parts, name, unique, expireAfterSeconds }: IndexInfo): IndexSpec {
  return {
    key: Object.fromEntries(parts.map(({ field, direction }) => [field.text, direction])),
    name,
    ...(unique && { unique }),
    ...(expireAfterSeconds !== undefined && { expireAfterSeconds }),
  };
}

/** Encodes a collection's metadata as mongodump does, in canonical Extended JSON. */
export function encodeMetadata(collection: CollectionRecord): string {
  const indexes = [{ key: { _id: 1 }, name: ID_INDEX_NAME }, ...indexSpecs(collection)];
  return EJSON.stringify(
    {
      indexes: indexes.map((index) => ({ v: 2, ...index })),
      uuid: collection.uuid.replaceAll('-', ''),
      collectionName: collection.name,
      type: 'collection',
    },
    { relaxed: false },
  );
}

/**
 * Decodes a collection's metadata, which this program or mongodump wrote.
 * @throws UnusableArchive if the metadata is unreadable or needs features that the embedded engine lacks
 */
export function decodeMetadata(db: string, name: string, text: string): ArchivedCollection {
  const place = `the collection ${db}.${name}`;
  const metadata = parse(place, text);
  if (metadata.type !== undefined && metadata.type !== 'collection') {
    throw UnusableArchive.unsupported(`${place} is of type ${JSON.stringify(metadata.type)}`);
  }
  const [option] = isFields(metadata.options) ? Object.keys(metadata.options) : [];
  if (option !== undefined) throw UnusableArchive.unsupported(`${place} has the option "${option}"`);
  const indexes = Array.isArray(metadata.indexes) ? metadata.indexes : [];
  return { db, name, indexes: indexes.flatMap((index) => readIndex(place, index)) };
}

function parse(place: string, text: string): Fields {
  let metadata: unknown;
  try {
    metadata = text === '' ? {} : EJSON.parse(text);
  } catch {
    throw UnusableArchive.damaged(`the metadata of ${place} is not JSON`);
  }
  if (!isFields(metadata)) throw UnusableArchive.damaged(`the metadata of ${place} is not an object`);
  return metadata;
}

/** Fields of an archived index that readIndex() reads or can ignore. */
const KNOWN_FIELDS = new Set(['v', 'ns', 'background', 'key', 'name', 'unique', 'expireAfterSeconds']);

function readIndex(place: string, index: unknown): IndexSpec[] {
  if (!isFields(index) || !isFields(index.key) || typeof index.name !== 'string') {
    throw UnusableArchive.damaged(`an index of ${place} has no key or name`);
  }
  if (index.name === ID_INDEX_NAME) return [];
  const what = `the index ${index.name} of ${place}`;
  const option = Object.keys(index).find((field) => !KNOWN_FIELDS.has(field) && index[field] !== false);
  if (option !== undefined) throw UnusableArchive.unsupported(`${what} has the option "${option}"`);
  const key = Object.entries(index.key).map(([path, direction]): [string, 1 | -1] => {
    if (path.includes('.')) throw UnusableArchive.unsupported(`${what} is on the path "${path}"`);
    if (direction === 1 || direction === -1) return [path, direction];
    throw UnusableArchive.unsupported(`${what} has the kind ${JSON.stringify(direction)}`);
  });
  const expiry = index.expireAfterSeconds;
  return [
    {
      key: Object.fromEntries(key),
      name: index.name,
      ...(index.unique === true && { unique: true }),
      ...(typeof expiry === 'number' && { expireAfterSeconds: expiry }),
    },
  ];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
