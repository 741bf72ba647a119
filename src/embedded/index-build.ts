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

/** Maximum number of existing documents to index in one commit. */
const BUILD_CHUNK = 200;

/**
 * Builds an index while clients read and write. After the first commit, every write updates the index. Further commits
 * add the existing documents in chunks, and then queries use the index. If a crash interrupts the build, the next start
 * drops the index.
 * @throws CommandError 2 (not indexable), 11000 (duplicate key) or 276 (collection dropped), after dropping the index
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

/** Indexes the next documents after the key `from`. Returns the last one's key, or undefined if there were none. */
function indexChunk(
  store: Store,
  collection: Collection,
  id: number,
  from: Buffer | undefined,
): Buffer | undefined {
  const index = collection.indexes.find((candidate) => candidate.id === id);
  if (!index || collection.dropped)
    throw new CommandError(276, 'the index build was aborted: its collection or index was dropped');
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

/** Drops an index; the janitor deletes its entries later. Call only inside Store.write(). */
export function discardIndex(store: Store, collection: Collection, id: number): void {
  if (!collection.indexes.some((index) => index.id === id)) return;
  store.setIndexes(
    collection,
    collection.indexes.filter((index) => index.id !== id),
  );
  store.discard({ kind: 'entries', id });
}
