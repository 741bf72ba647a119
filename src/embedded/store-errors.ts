import { setTimeout as sleep } from 'node:timers/promises';
import { describeSystemError, reasonOf } from '../lib/system-errors.ts';
import { CommandError } from './errors.ts';

/** Thrown if the store's files cannot be opened, are damaged, or come from a newer version of this program. */
export class UnusableStore extends Error {
  constructor(path: string, cause: unknown) {
    const damaged = `${reasonOf(cause)}. It may be damaged. Restore a backup, or move the directory away to start with an empty database.`;
    super(`The database in ${path} cannot be opened: ${describeSystemError(cause) ?? damaged}`, { cause });
    this.name = 'UnusableStore';
  }

  static newer(path: string, found: number, known: number): UnusableStore {
    return new UnusableStore(
      path,
      new Error(`it has format ${found}, written by a newer version, and this version reads up to ${known}`),
    );
  }
}

/** LMDB reports a partial write, e.g. on a full disk, as an input/output error. */
const DISK_FULL = /MDB_MAP_FULL|No space left|ENOSPC|File too large|EFBIG|quota|EDQUOT|Input\/output error/i;

/** How long to wait for lmdb to report why a commit failed. */
const CAUSE_WAIT_MS = 1000;

/** Converts an lmdb failure to the client's error: MongoDB's OutOfDiskSpace for a full disk, else an internal error. */
export async function storageError(error: unknown): Promise<CommandError> {
  const cause = await causeOf(error);
  const message = reasonOf(cause);
  if (DISK_FULL.test(message)) {
    return new CommandError(
      14031,
      `the disk is full or failing, and the write is not acknowledged: ${message}`,
    );
  }
  return new CommandError(1, `the storage failed: ${message}`);
}

/** lmdb rejects a commit at once and delivers the reason later, in a promise. */
async function causeOf(failure: unknown): Promise<unknown> {
  if (typeof failure !== 'object' || failure === null || !('commitError' in failure)) return failure;
  const reason = Promise.resolve(failure.commitError).then(
    () => failure,
    (cause: unknown) => cause,
  );
  return Promise.race([reason, sleep(CAUSE_WAIT_MS, failure, { ref: false })]);
}
