/**
 * The archive format of `mongodump --archive`, version 0.1: a magic number, then blocks. A block is a header document,
 * documents, and a terminator. The first block has an entry for each collection. Each other one has documents of the
 * collection that its header names, or none where the header says that the collection is complete, with the CRC of all
 * its documents. Blocks of several collections may alternate.
 */
export const MAGIC = 0x8199_e26d;
export const TERMINATOR = 0xffff_ffff;
export const FORMAT_VERSION = '0.1';
/** Least and greatest length of a document in an archive, in bytes; MongoDB allows itself 16 KB more than others. */
export const MIN_DOCUMENT_BYTES = 5;
export const MAX_ARCHIVED_BYTES = 16 * 1024 * 1024 + 16 * 1024;
export const MAX_COLLECTIONS = 10_000;

/** An index as createIndexes takes it. */
export interface IndexSpec {
  key: Record<string, 1 | -1>;
  name: string;
  unique?: boolean;
  expireAfterSeconds?: number;
}

/** A collection of an archive. */
export interface ArchivedCollection {
  db: string;
  name: string;
  /** Without the one on _id, which every collection has. */
  indexes: IndexSpec[];
}

/** A file is no backup, damaged, or of a kind that this program cannot restore. Nothing has been changed. */
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
