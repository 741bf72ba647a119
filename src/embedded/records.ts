import type { Collection, IndexInfo } from './catalog.ts';
import {
  type RawValue,
  COMMAND_DEPTH,
  MAX_DOCUMENT_BYTES,
  checkDocument,
  documentValue,
  fieldOf,
  identicalValues,
  isNumber,
} from './raw-bson.ts';
import { duplicateKey } from './duplicate-key.ts';
import { CommandError } from './errors.ts';
import { MIXED, type NumberType } from './key-values.ts';
import { type IndexEntry, LONG_KEY_BYTES, afterPrefix, indexEntry, storedKey } from './index-keys.ts';
import type { Store } from './store.ts';
import { entryKey, entryPrefix, recordKey, recordOf } from './store-keys.ts';

/** How the write of a document changes one index. Computed and checked before anything is written. */
interface IndexChange {
  readonly index: IndexInfo;
  /** The document's entry after the write; undefined for a delete. */
  readonly entry: IndexEntry | undefined;
  readonly added: Buffer | undefined;
  readonly removed: Buffer | undefined;
}

/**
 * Stores a new document and its index entries. Call only inside Store.write().
 * @returns the document's record number
 * @throws CommandError 10334 (too large), 15 (nested too deeply), 2 (cannot be indexed) or 11000 (duplicate key);
 *   nothing is written then
 */
export function insertRecord(store: Store, collection: Collection, document: Buffer): number {
  checkSize(document);
  const record = collection.nextRecord;
  const changes = changesOf(collection.indexes, undefined, documentValue(document));
  for (const change of changes) checkUnique(store, collection, change, record);
  collection.nextRecord += 1;
  store.records.put(recordKey(collection.id, record), document);
  apply(store, collection, changes, record);
  return record;
}

/** Replaces a document. Throws the same errors as insertRecord(). Call only inside Store.write(). */
export function updateRecord(
  store: Store,
  collection: Collection,
  record: number,
  before: RawValue,
  document: Buffer,
): void {
  checkSize(document);
  const changes = changesOf(collection.indexes, before, documentValue(document));
  for (const change of changes) checkUnique(store, collection, change, record);
  store.records.put(recordKey(collection.id, record), document);
  apply(store, collection, changes, record);
}

/** Removes a document and its index entries. Call only inside Store.write(). */
export function deleteRecord(store: Store, collection: Collection, record: number, document: RawValue): void {
  store.records.remove(recordKey(collection.id, record));
  apply(store, collection, changesOf(collection.indexes, document, undefined), record);
}

/** Adds a stored document to an index that is being built. Throws CommandError 2 or 11000, like insertRecord(). */
export function indexRecord(
  store: Store,
  collection: Collection,
  index: IndexInfo,
  record: number,
  document: RawValue,
): void {
  const changes = changesOf([index], undefined, document);
  for (const change of changes) checkUnique(store, collection, change, record);
  apply(store, collection, changes, record);
}

function checkSize(document: Buffer): void {
  if (document.length > MAX_DOCUMENT_BYTES) {
    throw new CommandError(
      10334,
      `BSONObj size: ${document.length} is invalid. Size must be between 0 and ${MAX_DOCUMENT_BYTES}(16MB)`,
    );
  }
  checkDocument(document, 0, document.length, COMMAND_DEPTH);
}

function changesOf(
  indexes: readonly IndexInfo[],
  before: RawValue | undefined,
  after: RawValue | undefined,
): IndexChange[] {
  const touched = before && after ? indexes.filter((index) => differIn(index, before, after)) : indexes;
  return touched.map((index) => {
    const old = before && indexEntry(before, index.parts).key;
    const entry = after && indexEntry(after, index.parts);
    const isSame = old && entry?.key.equals(old);
    return { index, entry, added: isSame ? undefined : entry?.key, removed: isSame ? undefined : old };
  });
}

/** Whether the write changes a field of the index. This check is cheaper than comparing keys. */
function differIn({ parts }: IndexInfo, before: RawValue, after: RawValue): boolean {
  return parts.some(({ field }) => {
    const old = fieldOf(before, field.bytes);
    const fresh = fieldOf(after, field.bytes);
    return old && fresh ? !identicalValues(old, fresh) : old !== fresh;
  });
}

function checkUnique(store: Store, collection: Collection, change: IndexChange, record: number): void {
  const { index, entry, added } = change;
  if (!index.unique || !entry || !added) return;
  const start = entryPrefix(index.id, storedKey(added));
  for (const key of store.entries.getKeys({ start, end: afterPrefix(start) })) {
    const other = recordOf(key);
    if (other !== record && hasKey(store, collection, index, other, added)) {
      throw duplicateKey(collection, index, entry);
    }
  }
}

/** Whether a document has exactly this key. Reads the document if the key is long: the index holds only its hash. */
function hasKey(
  store: Store,
  collection: Collection,
  index: IndexInfo,
  record: number,
  key: Buffer,
): boolean {
  if (key.length <= LONG_KEY_BYTES) return true;
  const document = store.records.get(recordKey(collection.id, record));
  return document !== undefined && indexEntry(documentValue(document), index.parts).key.equals(key);
}

function apply(store: Store, collection: Collection, changes: readonly IndexChange[], record: number): void {
  for (const { index, added, removed } of changes) {
    if (removed) store.entries.remove(entryKey(index.id, storedKey(removed), record));
    if (added) store.entries.put(entryKey(index.id, storedKey(added), record), EMPTY);
  }
  noteProperties(store, collection, changes);
}

const EMPTY = Buffer.alloc(0);

/** Updates `longKeys` and `numbers` in the stored descriptions of the changed indexes. */
function noteProperties(store: Store, collection: Collection, changes: readonly IndexChange[]): void {
  let news = false;
  const indexes = collection.indexes.map((index) => {
    const change = changes.find((candidate) => candidate.index.id === index.id);
    if (!change?.entry) return index;
    const longKeys = index.longKeys || change.entry.key.length > LONG_KEY_BYTES;
    const numbers = index.numbers && numbersWith(index.numbers, change.entry);
    if (longKeys === index.longKeys && numbers === index.numbers) return index;
    news = true;
    return { ...index, longKeys, numbers };
  });
  if (news) store.setIndexes(collection, indexes);
}

function numbersWith(known: readonly NumberType[], { values }: IndexEntry): readonly NumberType[] {
  let numbers = known;
  for (const [field, value] of values.entries()) {
    if (!value || !isNumber(value)) continue;
    const before = numbers[field] ?? MIXED;
    if (before !== value.type && before !== MIXED)
      numbers = numbers.with(field, before === 0 ? value.type : MIXED);
  }
  return numbers;
}
