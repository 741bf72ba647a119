import { Readable, pipeline } from 'node:stream';
import { createGzip } from 'node:zlib';
import { StoreSnapshot } from '../store-snapshot.ts';
import { type Written, archiveOf } from './archive-writer.ts';
import { refuseExisting, writeNewFile } from './new-file.ts';

export interface BackupFigures extends Written {
  collections: number;
  /** Size of the compressed file, in bytes. */
  fileBytes: number;
}

/** Compression level 1 takes a third of the time of the default level, and the file is a tenth larger. */
const GZIP = { level: 1, chunkSize: 256 * 1024 };

/**
 * Writes a snapshot of the whole embedded database to a new file, which mongorestore can also read (--archive --gzip).
 * Works whether or not an engine runs on the data directory.
 * @param options - onStart receives the number of documents to write, onProgress the number written so far
 * @throws NoStore, UnusableStore, FileInTheWay, or the system error if the file cannot be written
 */
export async function backUp(
  dataDir: string,
  path: string,
  options: {
    replace: boolean;
    onStart?: (documents: number) => void;
    onProgress?: (documents: number) => void;
  },
): Promise<BackupFigures> {
  await refuseExisting(path, options.replace);
  const snapshot = await StoreSnapshot.open(dataDir);
  try {
    const { collections } = snapshot;
    options.onStart?.(collections.reduce((sum, collection) => sum + snapshot.count(collection), 0));
    const written: Written = { documents: 0, bytes: 0 };
    const gzip = createGzip(GZIP);
    // If reading the snapshot fails, pipeline destroys gzip with that error, and the loop in watched() throws it.
    pipeline(Readable.from(archiveOf(snapshot, written), { objectMode: false }), gzip, () => undefined);
    const pieces = watched(gzip, () => options.onProgress?.(written.documents));
    const fileBytes = await writeNewFile(path, options.replace, pieces);
    return { collections: collections.length, ...written, fileBytes };
  } finally {
    await snapshot.close();
  }
}

async function* watched(
  pieces: AsyncIterable<Buffer>,
  onPiece: () => void,
): AsyncGenerator<Buffer, void, void> {
  for await (const piece of pieces) {
    yield piece;
    onPiece();
  }
}
