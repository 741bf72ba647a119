import { CommandError } from '../errors.ts';
import { type RawValue, TYPE, checkDocument, documentValue, fieldsOf, textOf } from '../raw-bson.ts';
import {
  type ArchivedCollection,
  FORMAT_VERSION,
  MAGIC,
  MAX_ARCHIVED_BYTES,
  MAX_COLLECTIONS,
  MIN_DOCUMENT_BYTES,
  TERMINATOR,
  UnusableArchive,
} from './archive-format.ts';
import { decodeMetadata } from './archive-metadata.ts';
import { Crc64 } from './crc64.ts';

/** A part of an archive: first the list of its collections, then some documents of one collection at a time. */
export type ArchivePart =
  | { kind: 'collections'; collections: readonly ArchivedCollection[] }
  | { kind: 'documents'; collection: ArchivedCollection; documents: Buffer[] };

interface Reading {
  readonly collection: ArchivedCollection;
  readonly crc: Crc64;
  isComplete: boolean;
}

/** Size in bytes of the magic number, of a terminator, and of a document's length prefix. */
const WORD_BYTES = 4;
/** Maximum number of documents in one ArchivePart. */
const PART_DOCUMENTS = 1_000;

/**
 * Parses an archive from chunks of any length. Checks structure and checksums. Documents share the chunks' memory.
 * @throws UnusableArchive if the archive is damaged or needs unsupported features
 */
export async function* parseArchive(chunks: AsyncIterable<Buffer>): AsyncGenerator<ArchivePart, void, void> {
  const frames = new Frames(chunks);
  if ((await frames.word())?.readUInt32LE() !== MAGIC) {
    throw new UnusableArchive(
      'it is not a backup',
      'Use a file that the command backup or mongodump --archive wrote.',
    );
  }
  checkVersion(text(headerOf(await frames.next()), 'version'));
  const readings = new Map<string, Reading>();
  for (let entry = await frames.inBlock(); entry; entry = await frames.inBlock()) {
    addEntry(readings, headerOf(entry));
  }
  yield { kind: 'collections', collections: [...readings.values()].map(({ collection }) => collection) };
  for (let header = await frames.next(); header; header = await frames.next()) {
    const reading = readHeader(readings, headerOf(header));
    const { collection, crc } = reading;
    let documents: Buffer[] = [];
    for (let document = await frames.inBlock(); document; document = await frames.inBlock()) {
      if (reading.isComplete) throw UnusableArchive.damaged('a collection has data after its end');
      crc.update(document);
      if (documents.push(document) < PART_DOCUMENTS) continue;
      yield { kind: 'documents', collection, documents };
      documents = [];
    }
    if (documents.length > 0) yield { kind: 'documents', collection, documents };
  }
  for (const { isComplete, collection } of readings.values()) {
    if (!isComplete) throw UnusableArchive.damaged(`it is cut off in ${collection.db}.${collection.name}`);
  }
}

/** Splits chunks into the frames of an archive: the magic number, then documents and terminators. */
class Frames {
  readonly #chunks: AsyncIterator<Buffer>;
  #bytes = Buffer.alloc(0);
  #at = 0;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Returns the next document or four-byte terminator; undefined at the end of the file. */
  async next(): Promise<Buffer | undefined> {
    const length = (await this.word())?.readUInt32LE();
    if (length === undefined) return undefined;
    const isDocument = length >= MIN_DOCUMENT_BYTES && length <= MAX_ARCHIVED_BYTES;
    if (!isDocument && length !== TERMINATOR) {
      throw UnusableArchive.damaged(`a document cannot have ${length} bytes`);
    }
    this.#at -= WORD_BYTES;
    return this.#take(isDocument ? length : WORD_BYTES);
  }

  /** Returns the next document of a block; undefined at the end of the block. */
  async inBlock(): Promise<Buffer | undefined> {
    const frame = await this.next();
    if (!frame) throw UnusableArchive.damaged('it ends too early');
    return frame.length === WORD_BYTES ? undefined : frame;
  }

  /** Returns the next four bytes; undefined at the end of the file. */
  async word(): Promise<Buffer | undefined> {
    if (this.#at === this.#bytes.length && !(await this.#fill())) return undefined;
    return this.#take(WORD_BYTES);
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#bytes.length - this.#at < length) {
      if (!(await this.#fill())) throw UnusableArchive.damaged('it ends too early');
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Reads the next chunk. Returns false at the end of the file. */
  async #fill(): Promise<boolean> {
    const chunk = await this.#chunks.next();
    if (chunk.done) return false;
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#at), chunk.value]);
    this.#at = 0;
    return true;
  }
}

type Header = ReadonlyMap<string, RawValue>;

function headerOf(frame: Buffer | undefined): Header {
  if (!frame || frame.length === WORD_BYTES) throw UnusableArchive.damaged('a block has no header');
  try {
    checkDocument(frame, 0, frame.length);
  } catch (error) {
    if (error instanceof CommandError) throw UnusableArchive.damaged(error.message);
    throw error;
  }
  return new Map(fieldsOf(documentValue(frame)));
}

function text(header: Header, name: string): string {
  const value = header.get(name);
  if (value?.type !== TYPE.string) throw UnusableArchive.damaged(`a header has no "${name}"`);
  return textOf(value);
}

function checkVersion(version: string): void {
  if (version === FORMAT_VERSION) return;
  throw new UnusableArchive(
    `it has version ${JSON.stringify(version)} of the archive format, and this program reads ${FORMAT_VERSION}`,
    'Restore it with the version of the program that wrote it, or a newer one.',
  );
}

function addEntry(readings: Map<string, Reading>, header: Header): void {
  const [db, name] = [text(header, 'db'), text(header, 'collection')];
  if (db === '') throw UnusableArchive.unsupported('it has an oplog (mongodump --oplog)');
  const collection = decodeMetadata(db, name, text(header, 'metadata'));
  const key = `${db}.${name}`;
  if (readings.has(key)) throw UnusableArchive.damaged(`it names the collection ${key} twice`);
  if (readings.size >= MAX_COLLECTIONS) {
    throw UnusableArchive.unsupported(`it has more than ${MAX_COLLECTIONS} collections`);
  }
  readings.set(key, { collection, crc: new Crc64(), isComplete: false });
}

/** Returns the collection that a block's header names. Verifies the checksum if the header ends the collection. */
function readHeader(readings: ReadonlyMap<string, Reading>, header: Header): Reading {
  const namespace = `${text(header, 'db')}.${text(header, 'collection')}`;
  const reading = readings.get(namespace);
  if (!reading || reading.isComplete) {
    throw UnusableArchive.damaged(
      `it has documents of ${namespace} after that collection's end, or does not list the collection`,
    );
  }
  const end = header.get('EOF');
  if (end?.type !== TYPE.bool) throw UnusableArchive.damaged(`a block of ${namespace} has no "EOF"`);
  reading.isComplete = end.bytes[end.start] !== 0;
  const crc = header.get('CRC');
  const isRight = crc?.type === TYPE.long && crc.bytes.readBigInt64LE(crc.start) === reading.crc.digest();
  if (reading.isComplete && !isRight) {
    throw UnusableArchive.damaged(`the checksum of ${namespace} is wrong`);
  }
  return reading;
}
