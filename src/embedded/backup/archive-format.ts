/**
 * The archive format of `mongodump --archive`, version 0.1: a magic number, then blocks. A block is a header document,
 * documents and a terminator. The first block lists the collections. The header of every other block names a
 * collection, whose documents follow. A header with `EOF: true` ends its collection: no documents follow, and its `CRC`
 * is the checksum of all the collection's documents. Blocks of different collections may alternate.
 */
export const MAGIC = 0x8199_e26d;
export const TERMINATOR = 0xffff_ffff;
export const FORMAT_VERSION = '0.1';
/**
 * Limits for the length of an archived document, in bytes. A MongoDB server may store documents that are 16 KiB longer
 * than the longest it accepts from clients.
 */
export const MIN_DOCUMENT_BYTES = 5;
export const MAX_ARCHIVED_BYTES = 16 * 1024 * 1024 + 16 * 1024;
export const MAX_COLLECTIONS = 10_000;

/** An index in the form that createIndexes accepts. */
export interface IndexSpec {
  key: Record<string, 1 | -1>;
  name: string;
  unique?: boolean;
  expireAfterSeconds?: number;
}

export interface ArchivedCollection {
  db: string;
  name: string;
  /** The indexes except the one on _id, which every collection has. */
  indexes: IndexSpec[];
}

/** Thrown if a file is not a backup, is damaged, or needs unsupported features. Nothing has been changed. */
export class UnusableArchive extends Error {
  constructor(problem: string, remedy: string) {
    super(`The file cannot be restored: ${problem}. ${remedy} Nothing was changed.`);
    this.name = 'UnusableArchive';
  }

  static damaged(problem: string): UnusableArchive {
    return new UnusableArchive(problem, 'It is damaged or cut off; use another backup.');
  }

  static unsupported(problem: string): UnusableArchive {
    return new UnusableArchive(
      problem,
      'The embedded database does not support that; restore the file into a MongoDB server with mongorestore.',
    );
  }
}
