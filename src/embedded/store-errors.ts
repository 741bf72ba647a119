import { CommandError } from './errors.ts';

/** The stored data cannot be used: damaged, or written by a newer version of this program. */
export class UnusableStore extends Error {
  constructor(path: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `The database in ${path} cannot be opened: ${reason}. It may be damaged. ` +
        'Restore it from a backup, or move the directory away to start with an empty database.',
      { cause },
    );
    this.name = 'UnusableStore';
  }

  static newer(path: string, found: number, known: number): UnusableStore {
    return new UnusableStore(
      path,
      new Error(`it has format ${found}, written by a newer version, and this version reads up to ${known}`),
    );
  }
}

/** What a client is told when lmdb fails: a full disk as MongoDB's OutOfDiskSpace, anything else as internal. */
export function storageError(error: unknown): CommandError {
  const cause = error instanceof Error && 'commitError' in error ? error.commitError : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  if (/MDB_MAP_FULL|No space left|ENOSPC|File too large|EFBIG|quota|EDQUOT/i.test(message)) {
    return new CommandError(14031, `the disk is full, nothing was written: ${message}`);
  }
  return new CommandError(1, `the storage failed: ${message}`);
}
