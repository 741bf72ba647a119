import type { FileHandle } from 'node:fs/promises';
import { Readable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { systemCode } from '../../lib/system-errors.ts';
import { MAGIC, UnusableArchive } from './archive-format.ts';
import { type ArchivePart, parseArchive } from './archive-parser.ts';

const READ_BYTES = 1024 * 1024;
const GZIP_MAGIC = 0x8b1f;

/**
 * Reads and checks an archive, gzipped or not. Every call starts at the beginning of the file. If iteration completes
 * without an error, the whole file is valid.
 * @throws UnusableArchive if the file is not a backup, is damaged, or needs unsupported features
 */
export async function* readArchive(file: FileHandle): AsyncGenerator<ArchivePart, void, void> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  const isGzip = bytesRead >= 2 && buffer.readUInt16LE() === GZIP_MAGIC;
  if (!isGzip && !(bytesRead === 4 && buffer.readUInt32LE() === MAGIC)) {
    throw new UnusableArchive(
      bytesRead === 0 ? 'it is empty' : 'it is not a backup',
      'Use a file that the command backup or mongodump --archive wrote, gzipped or not.',
    );
  }
  try {
    yield* parseArchive(isGzip ? unzipped(file) : bytesOf(file));
  } catch (error) {
    if (systemCode(error).startsWith('Z_')) throw UnusableArchive.damaged('its gzip data is damaged');
    throw error;
  }
}

/** Reads the file in a loop, because a stream closes the file when it ends, even with autoClose: false. */
async function* bytesOf(file: FileHandle): AsyncGenerator<Buffer, void, void> {
  let position = 0;
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function* unzipped(file: FileHandle): AsyncGenerator<Buffer, void, void> {
  const gunzip = createGunzip({ chunkSize: READ_BYTES });
  // On a read error, pipeline destroys gunzip with that error, and the loop below throws it.
  pipeline(Readable.from(bytesOf(file), { objectMode: false }), gunzip, () => undefined);
  for await (const chunk of gunzip) if (Buffer.isBuffer(chunk)) yield chunk;
  // zlib ignores data after the end of the gzip stream.
  if (gunzip.bytesWritten !== (await file.stat()).size) {
    throw UnusableArchive.damaged('it has data after its end');
  }
}
