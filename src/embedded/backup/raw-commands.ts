import type { Db } from 'mongodb';
import * as internals from 'mongodb/lib/cmap/commands.js';
import { checkInternals, isFunctionOf } from '../../lib/internals.ts';

checkInternals('mongodb', {
  'DocumentSequence.prototype.push(document, bytes)': isFunctionOf(
    2,
    internals.DocumentSequence?.prototype?.push,
  ),
});

/** The server did not take every document of a command. */
export class WriteRefused extends Error {
  constructor(db: string, collection: string, reason: string) {
    super(`${db}.${collection} does not take a document: ${reason}`);
    this.name = 'WriteRefused';
  }
}

/** Documents of one command: many enough to be quick, few enough for the 48 MB of a message. */
const BATCH_DOCUMENTS = 1_000;
const BATCH_BYTES = 8 * 1024 * 1024;

/** Cuts documents into batches for one command each. */
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

/** The commands that take BSON as it is, and the names of their documents. */
const FIELDS = { insert: 'documents', update: 'updates', delete: 'deletes' } as const;

/**
 * Sends a batch of BSON as it is. The driver's own methods would decode and encode it, which loses types, the order of
 * fields that look like numbers, and repeated fields.
 * @returns how many documents the command was about, in the server's opinion
 * @throws WriteRefused where the server refuses one of them
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
