import { Store } from '../../../src/embedded/store.ts';
import { join } from 'node:path';
import { indexEntry, storedKey } from '../../../src/embedded/index-keys.ts';
import { documentValue } from '../../../src/embedded/raw-bson.ts';
import { entryKey, ownerPrefix, recordKey, recordOf } from '../../../src/embedded/store-keys.ts';

const OWNER_BYTES = 4;

/** What is wrong with a closed store's bytes: keys that nobody owns, index entries too many or missing. */
export async function inconsistencies(dataDir: string): Promise<string[]> {
  const store = await Store.open(join(dataDir, 'store'));
  try {
    return [...problemsOf(store)];
  } finally {
    await store.close();
  }
}

function* problemsOf(store: Store): Generator<string> {
  const trash = new Set(store.trash().map(({ kind, id }) => `${kind} ${id}`));
  const expected = new Set<string>();
  const owners = new Set<string>();
  for (const collection of store.collections()) {
    owners.add(`records ${collection.id}`);
    const range = { start: ownerPrefix(collection.id), end: ownerPrefix(collection.id + 1) };
    const records = [...store.records.getKeys(range)].map(recordOf);
    for (const index of collection.indexes) {
      owners.add(`entries ${index.id}`);
      if (!index.ready) yield `index ${index.name} is unfinished`;
      for (const record of records) {
        const document = documentValue(
          store.records.get(recordKey(collection.id, record)) ?? Buffer.alloc(5),
        );
        const { key } = indexEntry(document, index.parts);
        expected.add(entryKey(index.id, storedKey(key), record).toString('hex'));
      }
    }
  }
  for (const kind of ['records', 'entries'] as const) {
    for (const key of store[kind].getKeys()) {
      const owner = `${kind} ${key.readUInt32BE(0)}`;
      if (!owners.has(owner)) {
        if (!trash.has(owner)) yield `${owner} has keys but does not exist`;
      } else if (kind === 'entries' && !expected.delete(key.toString('hex'))) {
        yield `${owner} has an entry of no document: ${key.subarray(OWNER_BYTES).toString('hex')}`;
      }
    }
  }
  for (const key of expected) yield `the entry ${key} is missing`;
}
