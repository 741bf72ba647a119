import type { Collection, Db } from 'mongodb';
import {
  batchesOf,
  type CollectionRecord,
  documentBytes,
  documentOf,
  documentValue,
  rawOf,
  sendRaw,
  type StoreSnapshot,
} from '../../embedded/index.ts';
import { compareBatch, idOf, rawDocuments } from './compare.ts';

/** Numbers of documents that the migration has inserted, replaced and deleted on the target. */
export interface CopyFigures {
  inserted: number;
  replaced: number;
  deleted: number;
}

/**
 * Makes a collection of the target equal to the source collection, whatever an interrupted migration left there. Sends
 * only documents that the target lacks or that differ there.
 */
export async function copyCollection(
  snapshot: StoreSnapshot,
  source: CollectionRecord,
  db: Db,
  onProgress: (documents: number) => void,
): Promise<CopyFigures> {
  const target = db.collection(source.name);
  const isEmpty = (await target.findOne({}, { projection: { _id: 1 } })) === null;
  const figures: CopyFigures = { inserted: 0, replaced: 0, deleted: 0 };
  for (const batch of batchesOf(snapshot.documents(source))) {
    const { missing, different } = isEmpty
      ? { missing: batch, different: [] }
      : await compareBatch(target, batch);
    if (different.length > 0) await sendRaw(db, 'update', source.name, different.map(replacement));
    if (missing.length > 0) await sendRaw(db, 'insert', source.name, missing);
    figures.replaced += different.length;
    figures.inserted += missing.length;
    onProgress(batch.length);
  }
  if (!isEmpty) figures.deleted = await deleteOthers(snapshot, source, db, target);
  return figures;
}

async function deleteOthers(
  snapshot: StoreSnapshot,
  source: CollectionRecord,
  db: Db,
  target: Collection,
): Promise<number> {
  const doomed: Buffer[] = [];
  for await (const document of rawDocuments(target, {}, { projection: { _id: 1 } })) {
    if (!snapshot.find(source, documentValue(document))) doomed.push(deletion(document));
  }
  for (const batch of batchesOf(doomed)) await sendRaw(db, 'delete', source.name, batch);
  return doomed.length;
}

function replacement(document: Buffer): Buffer {
  const q = documentOf([['_id', idOf(document)]]);
  const statement = documentOf([
    ['q', q],
    ['u', documentValue(document)],
  ]);
  return documentBytes(statement);
}

function deletion(document: Buffer): Buffer {
  const q = documentOf([['_id', idOf(document)]]);
  const statement = documentOf([
    ['q', q],
    ['limit', rawOf(1)],
  ]);
  return documentBytes(statement);
}
