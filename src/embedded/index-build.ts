import type { Collection, IndexInfo } from './catalog.ts';
import { CommandError } from './errors.ts';
import type { KeyPart } from './index-keys.ts';
import { documentValue } from './raw-bson.ts';
import { indexRecord } from './records.ts';
import type { Store } from './store.ts';
import { ownerPrefix, recordOf } from './store-keys.ts';

export interface NewIndex {
  readonly name: string;
  readonly parts: readonly KeyPart[];
  readonly unique: boolean;
  readonly expireAfterSeconds: number | undefined;
}

/** Number of documents indexed in one commit. */
const BUILD_CHUNK = 200;

/**
 * Builds an index concurrently with reads and writes. From the first commit on, writers keep it up to date. Existing
 * documents are then added in chunks, and queries use it only when it is complete. After a crash, an unfinished index
 * is discarded.
 * @throws CommandError 2 or 11000 after discarding the index
 */
export async function buildIndex(store: Store, collection: Collection, request: NewIndex): Promise<void> {
  const id = await store.write(() => addUnready(store, collection, request));
  try {
    let from: Buffer | undefined;
    for (;;) {
      const last = await store.write(() => indexChunk(store, collection, id, from));
      if (!last) break;
      from = last;
    }
    await store.write(() => {
      const indexes = collection.indexes.map((index) =>
        index.id === id ? { ...index, ready: true } : index,
      );
      store.setIndexes(collection, indexes);
    });
  } catch (error) {
    await store.write(() => discardIndex(store, collection, id));
    throw error;
  }
}

function addUnready(store: Store, collection: Collection, request: NewIndex): number {
  const id = store.newId();
  const index: IndexInfo = {
    id,
    ...request,
    multikey: request.parts.map(() => false),
    numbers: request.parts.map(() => 0),
    longKeys: false,
    ready: false,
  };
  store.setIndexes(collection, [...collection.indexes, index]);
  return id;
}

/** Inside a write: indexes the next documents after `from`. Returns the last one's key, or undefined at the end. */
function indexChunk(
  store: Store,
  collection: Collection,
  id: number,
  from: Buffer | undefined,
): Buffer | undefined {
  const index = collection.indexes.find((candidate) => candidate.id === id);
  if (!index || collection.dropped) throw new CommandError(276, 'the index build was aborted');
  let last: Buffer | undefined;
  const range = {
    start: from ?? ownerPrefix(collection.id),
    end: ownerPrefix(collection.id + 1),
    exclusiveStart: from !== undefined,
    limit: BUILD_CHUNK,
  };
  for (const key of Array.from(store.records.getKeys(range))) {
    last = key;
    const bytes = store.records.get(key);
    if (bytes) indexRecord(store, collection, index, recordOf(key), documentValue(bytes));
  }
  return last;
}

/** Inside a write: removes an index. Its entries become trash. */
export function discardIndex(store: Store, collection: Collection, id: number): void {
  if (!collection.indexes.some((index) => index.id === id)) return;
  store.setIndexes(
    collection,
    collection.indexes.filter((index) => index.id !== id),
  );
  store.discard({ kind: 'entries', id });
}
