import {
  MongoAPIError,
  MongoBulkWriteError,
  MongoClientClosedError,
  MongoError,
  MongoNetworkTimeoutError,
  MongoNotConnectedError,
  MongoServerError,
  MongoTopologyClosedError,
} from 'mongodb';

/** Thrown if the database takes longer to answer than a request or a probe may wait. */
export class DatabaseTooSlow extends Error {
  constructor(limitMs: number) {
    super(`The database did not answer within ${limitMs} ms.`);
    this.name = 'DatabaseTooSlow';
  }
}

/**
 * Whether an error is a database failure, not a misuse of the driver by this service. Every error reply of the server
 * counts, even a refused lookup, because the operation has no result.
 */
export function isDatabaseFailure(error: unknown): boolean {
  // The driver classifies these as misuse. They occur at shutdown while a request of a disconnected client is running.
  if (error instanceof MongoClientClosedError) return true;
  if (error instanceof MongoNotConnectedError || error instanceof MongoTopologyClosedError) return true;
  if (error instanceof DatabaseTooSlow) return true;
  return error instanceof MongoError && !(error instanceof MongoAPIError);
}

/** MongoDB's error code for a duplicate _id, or a duplicate value in a unique index. */
export const DUPLICATE_KEY = 11000;

/** Whether a write failed because its _id, or its value in a unique index, already exists. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/** Whether a bulk write failed only because values of `_id`, or of a unique index, already exist. */
export function onlyDuplicates(error: unknown): boolean {
  if (!(error instanceof MongoBulkWriteError)) return false;
  const failures = [error.writeErrors].flat();
  return failures.length > 0 && failures.every(({ code }) => code === DUPLICATE_KEY);
}

/**
 * Whether an operation failed because no connection of the pool became free in time. The driver does not export the
 * class of this error.
 */
export function isPoolExhausted(error: unknown): boolean {
  return error instanceof Error && error.name === 'MongoWaitQueueTimeoutError';
}

/** How the database failed: it is unavailable, did not answer in time, or refused the operation. */
export type FailureKind = 'unavailable' | 'slow' | 'refused';

/**
 * Error codes of a server that is unreachable, starting, shutting down or not primary. The driver then looks for
 * another server.
 */
const STATE_CHANGES = new Set([6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436]);

/**
 * Error codes of an operation that has exceeded a time limit: MaxTimeMSExpired and NetworkInterfaceExceededTimeLimit.
 */
const TOO_SLOW = new Set([50, 202]);

export function failureKind(error: unknown): FailureKind {
  // The driver wraps any failure of a bulk write, even a network error, in a MongoBulkWriteError, which extends
  // MongoServerError.
  if (error instanceof MongoBulkWriteError && error.errorResponse instanceof Error)
    return failureKind(error.errorResponse);
  if (error instanceof MongoServerError) {
    const code = Number(error.code);
    if (STATE_CHANGES.has(code)) return 'unavailable';
    return TOO_SLOW.has(code) ? 'slow' : 'refused';
  }
  if (error instanceof DatabaseTooSlow || error instanceof MongoNetworkTimeoutError) return 'slow';
  return isPoolExhausted(error) ? 'slow' : 'unavailable';
}
