import type { Collection } from './catalog.ts';
import { compileFilter } from './matcher.ts';
import { Query, type QueryRequest } from './query.ts';
import { type RawValue, documentBytes, documentValue, fieldOf } from './raw-bson.ts';
import { deleteRecord, insertRecord, updateRecord } from './records.ts';
import { readRecord } from './scan.ts';
import type { Store } from './store.ts';
import { ID_NAME, type Update, updatedDocument, upsertedDocument } from './update.ts';

/** A document before and after a write. `before` is missing for an insert, `after` for a delete. */
export interface WriteOutcome {
  readonly before?: RawValue | undefined;
  readonly after?: RawValue | undefined;
}

/** A write that changes the first matching document or, with `upsert`, inserts a document if none matches. */
export interface SingleWrite {
  readonly request: QueryRequest;
  readonly change: 'delete' | Update;
  readonly upsert: boolean;
}

/** Numbers of documents as the reply of a write command reports them. */
export interface WriteCounts {
  readonly matched: number;
  readonly modified: number;
  /** The _id of the document that an upsert inserted. */
  readonly upserted?: RawValue | undefined;
}

/** Maximum number of documents that writeMany() changes in one commit. */
const MANY_CHUNK = 200;

/** Counts a write on one document as the reply of a write command reports it. */
export function countsOf({ before, after }: WriteOutcome): WriteCounts {
  if (!before) return { matched: 0, modified: 0, upserted: after && fieldOf(after, ID_NAME) };
  const isSame = after && documentBytes(after).equals(documentBytes(before));
  return { matched: 1, modified: isSame ? 0 : 1 };
}

/** Runs a single-document write. Call only inside Store.write(). */
export function writeOne(store: Store, db: string, name: string, write: SingleWrite): WriteOutcome {
  const { request, change, upsert } = write;
  const collection = store.collection(db, name);
  const found = collection && new Query(store, collection, { ...request, limit: 1 }).firstInWrite();
  if (found) return changeRecord(store, collection, found.record, found.document, change);
  if (!upsert || change === 'delete') return {};
  const document = upsertedDocument(change, request.filter);
  insertRecord(store, store.obtainCollection(db, name), document);
  return { after: documentValue(document) };
}

function changeRecord(
  store: Store,
  collection: Collection,
  record: number,
  before: RawValue,
  change: 'delete' | Update,
): WriteOutcome {
  if (change === 'delete') {
    deleteRecord(store, collection, record, before);
    return { before };
  }
  const result = updatedDocument(before, change);
  if (!result.equals(documentBytes(before))) updateRecord(store, collection, record, before, result);
  return { before, after: documentValue(result) };
}

/**
 * Changes every matching document, a few hundred per commit. As in MongoDB, the write as a whole is not atomic. Each
 * document is changed at most once, and only if it still matches.
 */
export async function writeMany(
  store: Store,
  collection: Collection,
  request: QueryRequest,
  change: 'delete' | Update,
): Promise<WriteCounts> {
  const records: number[] = [];
  await new Query(store, collection, request).forEach(({ record }) => {
    records.push(record);
    return true;
  });
  const matches = compileFilter(request.filter);
  const total = { matched: 0, modified: 0 };
  for (let at = 0; at < records.length; at += MANY_CHUNK) {
    await store.write(() => {
      if (collection.dropped) return;
      for (const record of records.slice(at, at + MANY_CHUNK)) {
        const document = readRecord(store, collection, record);
        if (!document || !matches(document)) continue;
        const counts = countsOf(changeRecord(store, collection, record, document, change));
        total.matched += counts.matched;
        total.modified += counts.modified;
      }
    });
  }
  return total;
}
