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

/** Thrown if the database takes longer than a request may. */
export class DatabaseTooSlow extends Error {
  constructor(limitMs: number) {
    super(`The database did not answer within ${limitMs} ms.`);
    this.name = 'DatabaseTooSlow';
  }
}

/**
 * Whether an error is a database failure, not a misuse of the driver by this service. Every error reply of the
 * server counts: a refused lookup has no result.
 */
export function isDatabaseFailure(error: unknown): boolean {
  // The driver classifies these as misuse. They occur at shutdown while a request of a disconnected client is running.
  if (error instanceof MongoClientClosedError) return true;
  if (error instanceof MongoNotConnectedError || error instanceof MongoTopologyClosedError) return true;
  if (error instanceof DatabaseTooSlow) return true;
  return error instanceof MongoError && !(error instanceof MongoAPIError);
}

/** MongoDB's code for a duplicate _id, or a duplicate value in a unique index. */
export const DUPLICATE_KEY = 11000;

/** Whether a write failed because the document already exists. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/** Whether a bulk write failed only because documents already exist. */
export function onlyDuplicates(error: unknown): boolean {
  if (!(error instanceof MongoBulkWriteError)) return false;
  const failures = [error.writeErrors].flat();
  return failures.length > 0 && failures.every(({ code }) => code === DUPLICATE_KEY);
}

/** Whether no connection of the pool became free in time. The driver does not export this error's class. */
export function isPoolExhausted(error: unknown): boolean {
  return error instanceof Error && error.name === 'MongoWaitQueueTimeoutError';
}

/** How the database failed: it is unavailable, did not answer in time, or refused the operation. */
export type FailureKind = 'unavailable' | 'slow' | 'refused';

/** Codes of a server that is starting, shutting down or not primary. The driver then looks for another server. */
const STATE_CHANGES = new Set([6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436]);

/** MaxTimeMSExpired and NetworkInterfaceExceededTimeLimit. */
const TOO_SLOW = new Set([50, 202]);

/** Classifies a database failure. */
export function failureKind(error: unknown): FailureKind {
  // The driver wraps any failure of a bulk write in a MongoBulkWriteError, which is a server error.
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
