import type { FileHandle } from 'node:fs/promises';
import { type Readable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { systemCode } from '../embedded/errors.ts';
import { MAGIC, UnusableArchive } from './archive-format.ts';
import { type ArchivePart, ArchiveParser } from './archive-parser.ts';

const READ_BYTES = 1024 * 1024;
const GZIP_MAGIC = 0x8b1f;

/**
 * Reads an archive, gzipped or not, from its start, checking all there is to check; call it again to read it again.
 * The end of the loop without an error means that the file is whole.
 * @throws UnusableArchive where it is foreign, damaged, or has what cannot be restored
 */
export async function* readArchive(file: FileHandle): AsyncGenerator<ArchivePart, void, void> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  const isGzip = bytesRead >= 2 && buffer.readUInt16LE() === GZIP_MAGIC;
  if (!isGzip && !(bytesRead === 4 && buffer.readUInt32LE() === MAGIC)) {
    throw new UnusableArchive(
      bytesRead === 0 ? 'it is empty' : 'it is not a backup',
      'It must be a file of npm run backup or of mongodump --archive, gzipped or not.',
    );
  }
  const bytes = file.createReadStream({ start: 0, autoClose: false, highWaterMark: READ_BYTES });
  const parser = new ArchiveParser();
  try {
    for await (const chunk of isGzip ? unzipped(bytes, (await file.stat()).size) : bytes) {
      if (Buffer.isBuffer(chunk)) yield* parser.push(chunk);
    }
  } catch (error) {
    if (systemCode(error).startsWith('Z_')) throw UnusableArchive.damaged('its compression is broken');
    throw error;
  } finally {
    bytes.destroy();
  }
  parser.end();
}

async function* unzipped(bytes: Readable, size: number): AsyncGenerator<unknown, void, void> {
  const gunzip = createGunzip({ chunkSize: READ_BYTES });
  // Errors of the file reach the reader of gunzip, which pipeline destroys with them.
  pipeline(bytes, gunzip, () => undefined);
  yield* gunzip;
  // zlib ignores what comes after the end.
  if (gunzip.bytesWritten !== size) throw UnusableArchive.damaged('something follows its end');
}
