import { setTimeout as sleep } from 'node:timers/promises';
import { describeSystemError, reasonOf } from '../lib/system-errors.ts';
import { CommandError } from './errors.ts';

const RESTORE = 'Restore a backup, or move the directory away to start with an empty database.';

/** Thrown if the store's files cannot be opened, are damaged, or were written by a newer version of this program. */
export class UnusableStore extends Error {
  constructor(path: string, cause: unknown, advice = `It may be damaged. ${RESTORE}`) {
    const problem = describeSystemError(cause) ?? `${reasonOf(cause)}. ${advice}`;
    super(`The database in ${path} cannot be opened: ${problem}`, { cause });
    this.name = 'UnusableStore';
  }

  static newer(path: string, found: number, known: number): UnusableStore {
    return new UnusableStore(
      path,
      new Error(`it has format ${found}, written by a newer version; this one reads formats up to ${known}`),
      'Start the newer version, restore a backup of this one, or move the directory away to start with an empty database.',
    );
  }
}

/** Matches errors of a full disk. LMDB may report a full disk as an input/output error, after a partial write. */
const DISK_FULL = /MDB_MAP_FULL|No space left|ENOSPC|File too large|EFBIG|quota|EDQUOT|Input\/output error/i;

/** How long to wait for lmdb to report why a commit failed. */
const CAUSE_WAIT_MS = 1000;

/** Converts lmdb's error to one for clients: 14031 (OutOfDiskSpace) for a full disk, otherwise 1 (InternalError). */
export async function storageError(error: unknown): Promise<CommandError> {
  const cause = await causeOf(error);
  const message = reasonOf(cause);
  if (DISK_FULL.test(message)) {
    return new CommandError(14031, `the disk is full or failing, and the write may be lost: ${message}`);
  }
  return new CommandError(1, `the storage failed, and the write may be lost: ${message}`);
}

/** Returns why a commit failed. lmdb rejects the commit at once and delivers the reason later, in a promise. */
async function causeOf(failure: unknown): Promise<unknown> {
  if (typeof failure !== 'object' || failure === null || !('commitError' in failure)) return failure;
  const reason = Promise.resolve(failure.commitError).then(
    () => failure,
    (cause: unknown) => cause,
  );
  return Promise.race([reason, sleep(CAUSE_WAIT_MS, failure, { ref: false })]);
}
