import { CommandError } from '../errors.ts';
import { type RawValue, TYPE, checkDocument, documentValue, fieldsOf, textOf } from '../raw-bson.ts';
import {
  type ArchivedCollection,
  FORMAT_VERSION,
  MAGIC,
  MAX_COLLECTIONS,
  UnusableArchive,
} from './archive-format.ts';
import { ArchiveFrames, WORD_BYTES } from './archive-frames.ts';
import { decodeMetadata } from './archive-metadata.ts';
import { Crc64 } from './crc64.ts';

/** The list of collections, which comes first, or documents of one of them. */
export type ArchivePart =
  | { kind: 'collections'; collections: readonly ArchivedCollection[] }
  | { kind: 'documents'; collection: ArchivedCollection; documents: Buffer[] };

interface Reading {
  readonly collection: ArchivedCollection;
  readonly crc: Crc64;
  isComplete: boolean;
}

/** Reads an archive from chunks of any length, and checks its structure and checksums. */
export class ArchiveParser {
  readonly #frames = new ArchiveFrames();
  readonly #readings = new Map<string, Reading>();
  /** What the next frame is; in 'documents' and 'entries' it may also be the block's end. */
  #next: 'magic' | 'head' | 'entries' | 'header' | 'documents' | 'end' = 'magic';
  #current: Reading | undefined;
  #documents: Buffer[] = [];

  /**
   * The parts that a chunk completes. Documents share its memory.
   * @throws UnusableArchive
   */
  *push(chunk: Buffer): Generator<ArchivePart, void, void> {
    for (const frame of this.#frames.push(chunk)) {
      if (this.#next === 'documents' && frame.length > WORD_BYTES) {
        this.#current?.crc.update(frame);
        this.#documents.push(frame);
        continue;
      }
      yield* this.#takeDocuments();
      if (this.#next === 'magic') this.#readMagic(frame);
      else if (frame.length > WORD_BYTES) this.#readDocument(fieldsIn(frame));
      else yield* this.#endBlock();
    }
    yield* this.#takeDocuments();
  }

  /** The file has ended. Throws UnusableArchive if it should not have. */
  end(): void {
    const open = [...this.#readings.values()].find(({ isComplete }) => !isComplete);
    if (this.#frames.isEmpty && this.#next === 'header' && !open) return;
    const where = open ? `in the collection ${open.collection.db}.${open.collection.name}` : 'too early';
    throw UnusableArchive.damaged(`it ends ${where}`);
  }

  *#takeDocuments(): Generator<ArchivePart, void, void> {
    if (this.#documents.length === 0 || !this.#current) return;
    yield { kind: 'documents', collection: this.#current.collection, documents: this.#documents };
    this.#documents = [];
  }

  #readMagic(frame: Buffer): void {
    if (frame.readUInt32LE() !== MAGIC) {
      throw new UnusableArchive(
        'it is not a backup',
        'It must be a file of npm run backup or of mongodump --archive.',
      );
    }
    this.#next = 'head';
  }

  #readDocument(fields: ReadonlyMap<string, RawValue>): void {
    if (this.#next === 'head') this.#readHead(fields);
    else if (this.#next === 'entries') this.#readEntry(fields);
    else if (this.#next === 'header') this.#readHeader(fields);
    else throw UnusableArchive.damaged('a collection goes on after its end');
  }

  #readHead(fields: ReadonlyMap<string, RawValue>): void {
    const version = text(fields, 'version');
    if (version !== FORMAT_VERSION) {
      throw new UnusableArchive(
        `it has version ${JSON.stringify(version)} of the archive format, and this program reads ${FORMAT_VERSION}`,
        'Restore it with the version of the program that wrote it, or a newer one.',
      );
    }
    this.#next = 'entries';
  }

  #readEntry(fields: ReadonlyMap<string, RawValue>): void {
    const [db, name] = [text(fields, 'db'), text(fields, 'collection')];
    if (db === '') throw UnusableArchive.unsupported('it has an oplog (mongodump --oplog)');
    const collection = decodeMetadata(db, name, text(fields, 'metadata'));
    const key = `${db}.${name}`;
    if (this.#readings.has(key)) throw UnusableArchive.damaged(`it names the collection ${key} twice`);
    if (this.#readings.size >= MAX_COLLECTIONS) {
      throw UnusableArchive.unsupported(`it has more than ${MAX_COLLECTIONS} collections`);
    }
    this.#readings.set(key, { collection, crc: new Crc64(), isComplete: false });
  }

  #readHeader(fields: ReadonlyMap<string, RawValue>): void {
    const namespace = `${text(fields, 'db')}.${text(fields, 'collection')}`;
    const reading = this.#readings.get(namespace);
    if (!reading || reading.isComplete) {
      throw UnusableArchive.damaged(`it has documents of ${namespace} where none can be`);
    }
    const end = fields.get('EOF');
    if (end?.type !== TYPE.bool) throw UnusableArchive.damaged('the header of a block is unreadable');
    this.#current = reading;
    this.#next = end.bytes[end.start] === 0 ? 'documents' : 'end';
    if (this.#next === 'documents') return;
    const crc = fields.get('CRC');
    if (crc?.type !== TYPE.long || crc.bytes.readBigInt64LE(crc.start) !== reading.crc.digest()) {
      throw UnusableArchive.damaged(`the checksum of ${namespace} is wrong`);
    }
    reading.isComplete = true;
  }

  *#endBlock(): Generator<ArchivePart, void, void> {
    if (this.#next === 'head' || this.#next === 'header') {
      throw UnusableArchive.damaged('a block has no header');
    }
    if (this.#next === 'entries') {
      yield {
        kind: 'collections',
        collections: [...this.#readings.values()].map(({ collection }) => collection),
      };
    }
    this.#next = 'header';
  }
}

function fieldsIn(frame: Buffer): ReadonlyMap<string, RawValue> {
  try {
    checkDocument(frame, 0, frame.length);
  } catch (error) {
    if (error instanceof CommandError) throw UnusableArchive.damaged(error.message);
    throw error;
  }
  return new Map(fieldsOf(documentValue(frame)));
}

function text(fields: ReadonlyMap<string, RawValue>, name: string): string {
  const value = fields.get(name);
  if (value?.type !== TYPE.string) throw UnusableArchive.damaged(`a header has no "${name}"`);
  return textOf(value);
}
