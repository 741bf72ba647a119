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

/** Which documents of a batch a server does not have, and which it has otherwise, byte for byte. */
export interface Difference {
  missing: Buffer[];
  different: Buffer[];
}

const ID_NAME = Buffer.from('_id');

/** The _id of a stored document. */
export function idOf(document: Buffer): RawValue {
  const id = fieldOf(documentValue(document), ID_NAME);
  if (!id) throw new Error('a document has no _id');
  return id;
}

/** Looks a batch of documents up by their _ids and compares the bytes. */
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

/** The documents that match, as they came over the wire. */
export async function* rawDocuments(
  collection: Collection,
  filter: object,
  options: { projection?: object } = {},
): AsyncGenerator<Buffer, void, void> {
  for await (const document of collection.find<object>(filter, { ...options, raw: true, batchSize: 1_000 })) {
    if (!(document instanceof Uint8Array)) throw new Error('the driver has decoded a document');
    yield Buffer.from(document.buffer, document.byteOffset, document.length);
  }
}

/** How many documents a collection has. Servers' own counts are estimates, or need an aggregation. */
export async function countAll(collection: Collection): Promise<number> {
  let count = 0;
  for await (const _ of rawDocuments(collection, {}, { projection: { _id: 1 } })) count += 1;
  return count;
}

function keyOf(document: Buffer): string {
  const { type, bytes, start, end } = idOf(document);
  return `${type}/${bytes.toString('latin1', start, end)}`;
}

/** A value for a filter. Objects become maps, because those keep the order of fields that look like numbers. */
function bsonOf(value: RawValue): unknown {
  if (isObject(value)) return new Map(fieldsOf(value).map(([name, field]) => [name, bsonOf(field)]));
  if (isArray(value)) return valuesOf(value).map(bsonOf);
  const holder = documentBytes(documentOf([['value', value]]));
  const options = { promoteValues: false, promoteLongs: false, promoteBuffers: false, bsonRegExp: true };
  return deserialize(holder, options).value;
}
