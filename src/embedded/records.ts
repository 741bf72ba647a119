import type { Collection, IndexInfo } from './catalog.ts';
import {
  type RawValue,
  COMMAND_DEPTH,
  MAX_DOCUMENT_BYTES,
  TYPE,
  checkDocument,
  documentValue,
  fieldOf,
  isNumber,
} from './raw-bson.ts';
import { duplicateKey } from './duplicate-key.ts';
import { identicalValues } from './compare.ts';
import { CommandError } from './errors.ts';
import { MIXED, type NumberType } from './key-values.ts';
import {
  type IndexEntries,
  type IndexEntry,
  LONG_KEY_BYTES,
  afterPrefix,
  indexEntries,
  storedKey,
} from './index-keys.ts';
import type { Store } from './store.ts';
import { entryKey, entryPrefix, recordKey, recordOf } from './store-keys.ts';

/** Changes one document makes to one index, computed and checked before anything is written. */
interface IndexChange {
  readonly index: IndexInfo;
  readonly added: readonly IndexEntry[];
  readonly removed: readonly IndexEntry[];
  readonly multikey: readonly boolean[];
  /** All entries that the document now has. */
  readonly entries: readonly IndexEntry[];
}

/**
 * Inside a write: stores a new document and its index entries.
 * @returns its record number
 * @throws CommandError 11000, 171 or 10334; nothing is written then
 */
export function insertRecord(store: Store, collection: Collection, document: Buffer): number {
  checkSize(document);
  const record = collection.nextRecord;
  const changes = changesOf(collection.indexes, undefined, documentValue(document));
  for (const change of changes) checkUnique(store, collection, change, record);
  collection.nextRecord += 1;
  collection.version += 1;
  store.records.put(recordKey(collection.id, record), document);
  apply(store, collection, changes, record);
  return record;
}

/** Inside a write: replaces a document. Throws as insertRecord does. */
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
  collection.version += 1;
  store.records.put(recordKey(collection.id, record), document);
  apply(store, collection, changes, record);
}

/** Inside a write: removes a document and its index entries. */
export function deleteRecord(store: Store, collection: Collection, record: number, document: RawValue): void {
  collection.version += 1;
  store.records.remove(recordKey(collection.id, record));
  apply(store, collection, changesOf(collection.indexes, document, undefined), record);
}

/** Inside a write: adds the entries of a stored document to an index being built. Throws 11000 or 171. */
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
    const old = before ? indexEntries(before, index.parts).entries : [];
    const { entries, multikey } = after ? indexEntries(after, index.parts) : NOTHING;
    return { index, added: without(entries, old), removed: without(old, entries), multikey, entries };
  });
}

/** Whether a field in which an index looks is another one: else nothing changes for it, and that is soon seen. */
function differIn({ parts }: IndexInfo, before: RawValue, after: RawValue): boolean {
  return parts.some(({ path }) => {
    const name = path.parts[0];
    const old = name && fieldOf(before, name);
    const fresh = name && fieldOf(after, name);
    return old && fresh ? !identicalValues(old, fresh) : old !== fresh;
  });
}

const NOTHING: IndexEntries = { entries: [], multikey: [] };

/** The entries whose keys the others do not have. */
function without(entries: readonly IndexEntry[], others: readonly IndexEntry[]): readonly IndexEntry[] {
  const [first, ...more] = others;
  if (!first) return entries;
  if (more.length === 0) return entries.filter(({ key }) => !key.equals(first.key));
  const keys = new Set(others.map(({ key }) => key.toString('latin1')));
  return entries.filter(({ key }) => !keys.has(key.toString('latin1')));
}

function checkUnique(store: Store, collection: Collection, change: IndexChange, record: number): void {
  if (!change.index.unique) return;
  for (const entry of change.added) {
    const start = entryPrefix(change.index.id, storedKey(entry.key));
    for (const key of store.entries.getKeys({ start, end: afterPrefix(start) })) {
      const other = recordOf(key);
      if (other !== record && sameKey(store, collection, change.index, other, entry)) {
        throw duplicateKey(collection, change.index, entry);
      }
    }
  }
}

/** A long key is stored as a hash, so the other document's own key decides. */
function sameKey(
  store: Store,
  collection: Collection,
  index: IndexInfo,
  other: number,
  entry: IndexEntry,
): boolean {
  if (entry.key.length <= LONG_KEY_BYTES) return true;
  const document = store.records.get(recordKey(collection.id, other));
  if (!document) return false;
  return indexEntries(documentValue(document), index.parts).entries.some(({ key }) => key.equals(entry.key));
}

function apply(store: Store, collection: Collection, changes: readonly IndexChange[], record: number): void {
  for (const { index, added, removed } of changes) {
    for (const { key } of removed) store.entries.remove(entryKey(index.id, storedKey(key), record));
    for (const { key } of added) store.entries.put(entryKey(index.id, storedKey(key), record), EMPTY);
  }
  noteProperties(store, collection, changes);
}

const EMPTY = Buffer.alloc(0);

/** Records in the catalog, with the same commit, that an index has met arrays, long keys or other kinds of numbers. */
function noteProperties(store: Store, collection: Collection, changes: readonly IndexChange[]): void {
  let news = false;
  const indexes = collection.indexes.map((index) => {
    const change = changes.find((candidate) => candidate.index.id === index.id);
    if (!change) return index;
    const isMultikey = change.multikey.some((flag, field) => flag && !index.multikey[field]);
    const longKeys = index.longKeys || change.added.some(({ key }) => key.length > LONG_KEY_BYTES);
    const numbers = index.numbers && numbersWith(index.numbers, change.entries);
    if (!isMultikey && longKeys === index.longKeys && numbers === index.numbers) return index;
    news = true;
    const multikey = index.multikey.map((known, field) => known || change.multikey[field] === true);
    return { ...index, multikey, longKeys, numbers };
  });
  if (news) store.setIndexes(collection, indexes);
}

function numbersWith(known: readonly NumberType[], entries: readonly IndexEntry[]): readonly NumberType[] {
  let numbers = known;
  for (const { values } of entries) {
    for (const [field, value] of values.entries()) {
      if (!value || (value.type !== TYPE.symbol && !isNumber(value))) continue;
      const type = value.type === TYPE.symbol ? MIXED : value.type;
      const before = numbers[field] ?? MIXED;
      if (before !== type && before !== MIXED) numbers = numbers.with(field, before === 0 ? type : MIXED);
    }
  }
  return numbers;
}
