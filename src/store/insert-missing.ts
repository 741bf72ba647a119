import type { Collection, OptionalUnlessRequiredId } from 'mongodb';
import { inOneOrder } from './bulk-order.ts';
import { isDuplicateKey, onlyDuplicates } from '../database/failures.ts';

/**
 * Inserts a document unless one with the same `_id`, or the same value of a unique field, exists. The existing document
 * may come from this very call: some servers execute an insert twice if the driver repeats it after a lost reply.
 * @returns true only if this call certainly inserted the document
 */
export async function insertOnce<Stored extends { _id: string }>(
  collection: Collection<Stored>,
  document: OptionalUnlessRequiredId<Stored>,
): Promise<boolean> {
  try {
    await collection.insertOne(document, { ignoreUndefined: true });
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}

/** Inserts the documents whose `_id` does not exist yet. Leaves existing documents unchanged. */
export async function insertMissing<Stored extends { _id: string }>(
  collection: Collection<Stored>,
  documents: OptionalUnlessRequiredId<Stored>[],
): Promise<void> {
  if (documents.length === 0) return;
  const sorted = inOneOrder(documents, ({ _id }) => _id);
  try {
    await collection.insertMany(sorted, { ordered: false, ignoreUndefined: true });
  } catch (error) {
    if (!onlyDuplicates(error)) throw error;
  }
}
