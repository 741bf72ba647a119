import { encodeDocument } from '../bson-writer.ts';
import type { CollectionRecord } from '../catalog.ts';
import type { StoreSnapshot } from '../store-snapshot.ts';
import { FORMAT_VERSION, MAGIC, TERMINATOR } from './archive-format.ts';
import { encodeMetadata } from './archive-metadata.ts';
import { Crc64 } from './crc64.ts';

/** Totals of the data written so far. */
export interface Written {
  documents: number;
  /** Size of the documents as BSON, in bytes. */
  bytes: number;
}

/** Approximate size in bytes of a yielded piece. Each piece costs a turn of the event loop, however small it is. */
const PIECE_BYTES = 256 * 1024;
/** The MongoDB version that the archive names as its source, for MongoDB's tools. */
const SERVER_VERSION = '7.0.0';

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

const END_OF_BLOCK = uint32(TERMINATOR);

/**
 * Yields the archive of a snapshot in pieces. Holds at most one piece and one document in memory.
 * @param written - receives the totals of the pieces yielded so far
 */
export function* archiveOf(snapshot: StoreSnapshot, written: Written): Generator<Buffer, void, void> {
  const piece: Buffer[] = [prelude(snapshot.collections)];
  let size = 0;
  for (const collection of snapshot.collections) {
    const { db, name } = collection;
    const crc = new Crc64();
    let isOpen = false;
    for (const document of snapshot.documents(collection)) {
      if (!isOpen) piece.push(header(db, name, false, 0n));
      isOpen = true;
      crc.update(document);
      written.documents += 1;
      written.bytes += document.length;
      size += document.length;
      piece.push(document);
      if (size < PIECE_BYTES) continue;
      yield Buffer.concat(piece);
      piece.length = 0;
      size = 0;
    }
    if (isOpen) piece.push(END_OF_BLOCK);
    piece.push(header(db, name, true, crc.digest()), END_OF_BLOCK);
  }
  yield Buffer.concat(piece);
}

function prelude(collections: readonly CollectionRecord[]): Buffer {
  const head = {
    concurrent_collections: 1,
    version: FORMAT_VERSION,
    server_version: SERVER_VERSION,
    tool_version: 'recoup-tasks',
  };
  const entries = collections.map((collection) =>
    encodeDocument({
      db: collection.db,
      collection: collection.name,
      metadata: encodeMetadata(collection),
      size: 0,
      type: 'collection',
    }),
  );
  return Buffer.concat([uint32(MAGIC), encodeDocument(head), ...entries, END_OF_BLOCK]);
}

function header(db: string, collection: string, isEnd: boolean, crc: bigint): Buffer {
  return encodeDocument({ db, collection, EOF: isEnd, CRC: crc });
}
