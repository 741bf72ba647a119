import { isDeepStrictEqual } from 'node:util';
import { EJSON, deserialize } from 'bson';
import {
  batchesOf,
  type CollectionRecord,
  documentBytes,
  documentOf,
  indexSpecs,
  type StoreSnapshot,
} from '../../embedded/index.ts';
import { compareBatch, countAll, idOf } from './compare.ts';
import type { MigrationTarget } from './target.ts';

/** Thrown if documents or indexes on the target differ from the source. */
export class NotEqual extends Error {
  constructor(problems: readonly string[], remedy: string) {
    super(
      `The copy differs from the source: ${problems.join('; ')}. ${remedy}, then repeat the command; it continues from here.`,
    );
    this.name = 'NotEqual';
  }
}

/**
 * Compares every document of the source with the target, byte for byte. Since `_id` is unique on both sides, equal
 * counts then prove that the target has no other documents.
 * @returns the number of documents compared, and their total size in bytes
 * @throws NotEqual naming the collections that differ
 */
export async function verifyDocuments(
  snapshot: StoreSnapshot,
  target: MigrationTarget,
  onProgress: (documents: number) => void,
): Promise<{ documents: number; bytes: number }> {
  const compared = { documents: 0, bytes: 0 };
  const problems: string[] = [];
  for (const source of snapshot.collections) {
    const collection = target.collection(source);
    const found = { missing: 0, different: 0 };
    let example: Buffer | undefined;
    let documents = 0;
    for (const batch of batchesOf(snapshot.documents(source))) {
      const { missing, different } = await compareBatch(collection, batch);
      found.missing += missing.length;
      found.different += different.length;
      example ??= missing[0] ?? different[0];
      documents += batch.length;
      for (const document of batch) compared.bytes += document.length;
      onProgress(batch.length);
    }
    compared.documents += documents;
    const extra = (await countAll(collection)) - (documents - found.missing);
    if (found.missing + found.different + extra === 0) continue;
    const counts = Object.entries({ ...found, extra }).map(([what, count]) => `${count} ${what}`);
    const first = example ? ` (the first has the _id ${idText(example)})` : '';
    problems.push(`${collection.namespace} has ${counts.join(', ')} documents${first}`);
  }
  if (problems.length > 0)
    throw new NotEqual(problems, 'Stop the service and everything else that writes to either side');
  return compared;
}

/** Formats a document's _id as MongoDB tools show it (Extended JSON), truncated to 100 characters. */
function idText(document: Buffer): string {
  const { _id } = deserialize(documentBytes(documentOf([['_id', idOf(document)]])));
  return EJSON.stringify(_id).slice(0, 100);
}

/**
 * Creates a collection's indexes on the target, and compares them with the source's. If the source has none, only
 * ensures that the collection exists.
 * @returns the number of indexes
 * @throws NotEqual, or the server's error if it cannot build an index
 */
export async function createIndexes(source: CollectionRecord, target: MigrationTarget): Promise<number> {
  const db = target.db(source);
  const collection = target.collection(source);
  const wanted = indexSpecs(source);
  if (wanted.length === 0) {
    const [known] = await db.listCollections({ name: source.name }, { nameOnly: true }).toArray();
    if (!known) await db.createCollection(source.name);
    return 0;
  }
  // Create one index per command: FerretDB 1.24 closes the connection if a command names several existing indexes.
  for (const index of wanted) await db.command({ createIndexes: source.name, indexes: [index] });
  const there = await collection.indexes();
  for (const { key, name, unique = false, expireAfterSeconds } of wanted) {
    const found = there.find((index) => index.name === name);
    const isSame =
      found &&
      isDeepStrictEqual(Object.entries(found.key), Object.entries(key)) &&
      (found.unique ?? false) === unique &&
      found.expireAfterSeconds === expireAfterSeconds;
    if (!isSame)
      throw new NotEqual(
        [
          `the index ${name} of ${collection.namespace} ${found ? 'has another key or other options there' : 'is missing there'}`,
        ],
        found ? 'Drop the index there' : 'Create the index there',
      );
  }
  return wanted.length;
}
