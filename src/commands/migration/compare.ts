import { deserialize } from 'bson';
import type { Collection } from 'mongodb';
import {
  documentBytes,
  documentOf,
  documentValue,
  fieldOf,
  fieldsOf,
  isArray,
  isObject,
  type RawValue,
  valuesOf,
} from '../../embedded/index.ts';

/** The documents of a batch that the server lacks, and those that it stores with different bytes. */
export interface Difference {
  missing: Buffer[];
  different: Buffer[];
}

const ID_NAME = Buffer.from('_id');

export function idOf(document: Buffer): RawValue {
  const id = fieldOf(documentValue(document), ID_NAME);
  if (!id) throw new Error('expected every document to have an _id, got one without');
  return id;
}

/** Looks up a batch of documents by _id in another collection, and compares each byte for byte with the one found there. */
export async function compareBatch(
  collection: Collection,
  documents: readonly Buffer[],
): Promise<Difference> {
  const ids = documents.map((document) => bsonOf(idOf(document)));
  const filter: object = { _id: { $in: ids } };
  const found = new Map<string, Buffer>();
  for await (const document of rawDocuments(collection, filter)) found.set(keyOf(document), document);
  const difference: Difference = { missing: [], different: [] };
  for (const document of documents) {
    const other = found.get(keyOf(document));
    if (!other) difference.missing.push(document);
    else if (!other.equals(document)) difference.different.push(document);
  }
  return difference;
}

export async function* rawDocuments(
  collection: Collection,
  filter: object,
  options: { projection?: object } = {},
): AsyncGenerator<Buffer, void, void> {
  for await (const document of collection.find<object>(filter, { ...options, raw: true, batchSize: 1_000 })) {
    if (!(document instanceof Uint8Array))
      throw new Error('the driver ignored the option `raw` and decoded a document');
    yield Buffer.from(document.buffer, document.byteOffset, document.length);
  }
}

/** Counts a collection's documents by reading every _id. Servers' own counts are estimates or need an aggregation. */
export async function countAll(collection: Collection): Promise<number> {
  let count = 0;
  for await (const _ of rawDocuments(collection, {}, { projection: { _id: 1 } })) count += 1;
  return count;
}

function keyOf(document: Buffer): string {
  const { type, bytes, start, end } = idOf(document);
  return `${type}/${bytes.toString('latin1', start, end)}`;
}

/**
 * Converts a stored value for use in a filter. Objects become maps, because plain objects would move field names that
 * are numbers to the front.
 */
function bsonOf(value: RawValue): unknown {
  if (isObject(value)) return new Map(fieldsOf(value).map(([name, field]) => [name, bsonOf(field)]));
  if (isArray(value)) return valuesOf(value).map(bsonOf);
  const holder = documentBytes(documentOf([['value', value]]));
  const options = { promoteValues: false, promoteLongs: false, promoteBuffers: false, bsonRegExp: true };
  return deserialize(holder, options).value;
}
