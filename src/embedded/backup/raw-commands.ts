import type { Db } from 'mongodb';
import * as internals from 'mongodb/lib/cmap/commands.js';
import { checkInternals, isFunctionOf } from '../../lib/internals.ts';

checkInternals('mongodb', {
  'DocumentSequence.prototype.push(document, bytes)': isFunctionOf(
    2,
    internals.DocumentSequence?.prototype?.push,
  ),
});

/** Thrown if the server rejects a document in a write command. */
export class WriteRefused extends Error {
  constructor(db: string, collection: string, reason: string) {
    super(`${db}.${collection} rejected a document: ${reason}`);
    this.name = 'WriteRefused';
  }
}

/** Batch limits: large enough to be fast, small enough for the message limit of 48 MB. */
const BATCH_DOCUMENTS = 1_000;
const BATCH_BYTES = 8 * 1024 * 1024;

/** Splits documents into batches, each small enough for one write command. */
export function* batchesOf(documents: Iterable<Buffer>): Generator<Buffer[], void, void> {
  let batch: Buffer[] = [];
  let bytes = 0;
  for (const document of documents) {
    if (batch.length > 0 && (batch.length === BATCH_DOCUMENTS || bytes + document.length > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(document);
    bytes += document.length;
  }
  if (batch.length > 0) yield batch;
}

/** The commands that sendRaw() can send, each with the field that contains its documents or statements. */
const FIELDS = { insert: 'documents', update: 'updates', delete: 'deletes' } as const;

/**
 * Sends raw BSON in one write command. The driver's own methods take objects, which lose number types, repeated fields,
 * and the order of fields whose names look like numbers.
 * @returns the number of affected documents that the server reports
 * @throws WriteRefused if the server rejects a document
 */
export async function sendRaw(
  db: Db,
  command: keyof typeof FIELDS,
  collection: string,
  documents: readonly Buffer[],
): Promise<number> {
  const sequence = new internals.DocumentSequence(FIELDS[command]);
  for (const document of documents) sequence.push(document, document);
  const reply: unknown = await db.command({
    [command]: collection,
    ordered: true,
    [FIELDS[command]]: sequence,
  });
  const { n, writeErrors, writeConcernError }: Reply = Object(reply);
  const problem = writeErrors?.[0]?.errmsg ?? writeConcernError?.errmsg;
  if (problem !== undefined) throw new WriteRefused(db.databaseName, collection, problem);
  return n ?? 0;
}

interface Reply {
  n?: number;
  writeErrors?: { errmsg?: string }[];
  writeConcernError?: { errmsg?: string };
}
