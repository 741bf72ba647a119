import type { Collection } from './catalog.ts';
import { CommandError } from './errors.ts';
import { Query, type QueryRequest } from './query.ts';
import { type RawValue, documentBytes, documentValue, fieldOf } from './raw-bson.ts';
import { deleteRecord, insertRecord, updateRecord } from './records.ts';
import { type Found, readRecord } from './scan.ts';
import type { Store } from './store.ts';
import { compileFilter } from './matcher.ts';
import { ID_NAME, updatedDocument, upsertedDocument } from './update.ts';
import type { Update } from './update-parse.ts';

/** What happened to the one document a write was about. */
export interface WriteOutcome {
  readonly before: RawValue | undefined;
  readonly after: RawValue | undefined;
}

/** A change of the first document that matches, or an insert if none does. */
export interface SingleWrite {
  readonly request: QueryRequest;
  readonly change: 'delete' | Update;
  readonly upsert: boolean;
}

/** Keys that a search may examine inside a commit, where it blocks every other writer. */
const SEARCH_BUDGET = 2000;
/** Searches outside a commit that others may overtake before one is made inside, whatever it costs. */
const MAX_OVERTAKEN = 3;

/** The same, counted as write commands report it. */
export interface WriteCounts {
  readonly matched: number;
  readonly modified: number;
  /** The _id of the document that was added because none matched. */
  readonly upserted?: RawValue | undefined;
}

export function countsOf({ before, after }: WriteOutcome): WriteCounts {
  if (!before) return { matched: 0, modified: 0, upserted: after && fieldOf(after, ID_NAME) };
  const same = after && documentBytes(after).equals(documentBytes(before));
  return { matched: 1, modified: same ? 0 : 1 };
}

/** Finds one document and changes it atomically: what is matched inside the commit is what is written. */
export async function writeOne(
  store: Store,
  db: string,
  name: string,
  write: SingleWrite,
): Promise<WriteOutcome> {
  const quick = await store.write(() => tryOne(store, db, name, write));
  return quick === 'busy' ? searchAndWrite(store, db, name, write) : quick;
}

/** For a search too long for a commit: makes it before, and again if someone wrote in between. */
export async function searchAndWrite(
  store: Store,
  db: string,
  name: string,
  write: SingleWrite,
): Promise<WriteOutcome> {
  for (let tries = 0; tries < MAX_OVERTAKEN; tries++) {
    const collection = store.collection(db, name);
    if (!collection) break;
    const version = collection.version;
    const candidate = await searchOutside(store, collection, write.request);
    const outcome = await store.write(() => {
      if (collection.dropped || collection.version !== version) return 'busy';
      return applyTo(store, db, name, write, candidate);
    });
    if (outcome !== 'busy') return outcome;
  }
  const last = await store.write(() => tryOne(store, db, name, write, Number.POSITIVE_INFINITY));
  if (last === 'busy') throw new CommandError(112, 'the write was overtaken by others too often');
  return last;
}

async function searchOutside(
  store: Store,
  collection: Collection,
  request: QueryRequest,
): Promise<Found | undefined> {
  let candidate: Found | undefined;
  await new Query(store, collection, { ...request, limit: 1 }).forEach((found) => {
    candidate = found;
    return false;
  });
  return candidate;
}

/** Inside a write: as writeOne, or 'busy' if the search would examine more than `budget` keys. */
export function tryOne(
  store: Store,
  db: string,
  name: string,
  write: SingleWrite,
  budget = SEARCH_BUDGET,
): WriteOutcome | 'busy' {
  const collection = store.collection(db, name);
  if (!collection) return applyTo(store, db, name, write, undefined);
  const query = new Query(store, collection, { ...write.request, limit: 1 });
  const found = query.firstInWrite(budget);
  return found === 'busy' ? found : applyTo(store, db, name, write, found);
}

function applyTo(
  store: Store,
  db: string,
  name: string,
  { request, change, upsert }: SingleWrite,
  found: Found | undefined,
): WriteOutcome {
  if (!found) {
    if (!upsert || change === 'delete') return { before: undefined, after: undefined };
    const document = upsertedDocument(change, request.filter);
    insertRecord(store, store.obtainCollection(db, name), document);
    return { before: undefined, after: documentValue(document) };
  }
  const collection = store.collection(db, name);
  if (!collection) return { before: undefined, after: undefined };
  return changeFound(store, collection, found, change, request);
}

function changeFound(
  store: Store,
  collection: Collection,
  { record, document }: Found,
  change: 'delete' | Update,
  request: QueryRequest,
): WriteOutcome {
  if (change === 'delete') {
    deleteRecord(store, collection, record, document);
    return { before: document, after: undefined };
  }
  const result = updatedDocument(document, change, request.filter);
  if (!result.equals(documentBytes(document))) updateRecord(store, collection, record, document, result);
  return { before: document, after: documentValue(result) };
}

/** Documents changed in one commit of a multi-document write. */
const MULTI_CHUNK = 200;

/**
 * Changes every matching document, a few hundred a commit. As in MongoDB the whole is not atomic; each document is
 * changed at most once and only if it still matches.
 */
export async function writeMany(
  store: Store,
  collection: Collection,
  request: QueryRequest,
  change: 'delete' | Update,
): Promise<{ matched: number; modified: number }> {
  const records: number[] = [];
  await new Query(store, collection, request).forEach(({ record }) => {
    records.push(record);
    return true;
  });
  const matches = compileFilter(request.filter);
  let matched = 0;
  let modified = 0;
  for (let at = 0; at < records.length; at += MULTI_CHUNK) {
    await store.write(() => {
      if (collection.dropped) return;
      for (const record of records.slice(at, at + MULTI_CHUNK)) {
        const document = readRecord(store, collection, record);
        if (!document || !matches(document)) continue;
        const { after } = changeFound(store, collection, { record, document }, change, request);
        matched += 1;
        if (!after || !documentBytes(after).equals(documentBytes(document))) modified += 1;
      }
    });
  }
  return { matched, modified };
}
