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

/** The database took longer than a request may. */
export class DatabaseTooSlow extends Error {
  constructor(limitMs: number) {
    super(`The database did not answer within ${limitMs} ms.`);
    this.name = 'DatabaseTooSlow';
  }
}

/**
 * Whether an error says that the database failed to answer, rather than that this service misused the driver. Any reply
 * of the server that is an error counts: a look-up that it refused has found nothing out.
 */
export function isDatabaseFailure(error: unknown): boolean {
  // The driver counts these among its misuses. They come when the service ends while a request of a client that left runs.
  if (error instanceof MongoClientClosedError) return true;
  if (error instanceof MongoNotConnectedError || error instanceof MongoTopologyClosedError) return true;
  if (error instanceof DatabaseTooSlow) return true;
  return error instanceof MongoError && !(error instanceof MongoAPIError);
}

/** MongoDB's code for a document whose _id, or whose value of a unique index, exists already. */
export const DUPLICATE_KEY = 11000;

/** Whether a write failed because its document exists already. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/** Whether a bulk failed only because documents exist already. */
export function onlyDuplicates(error: unknown): boolean {
  if (!(error instanceof MongoBulkWriteError)) return false;
  const failures = [error.writeErrors].flat();
  return failures.length > 0 && failures.every(({ code }) => code === DUPLICATE_KEY);
}

/** Whether no connection of the pool became free in time. The driver does not export the error's class. */
export function isPoolExhausted(error: unknown): boolean {
  return error instanceof Error && error.name === 'MongoWaitQueueTimeoutError';
}

/** How the database failed: it cannot be reached, did not answer in time, or refused what it was asked. */
export type FailureKind = 'away' | 'slow' | 'refused';

/** Codes by which a server says that it is starting, ending, or no primary (any more): the driver looks for another. */
const STATE_CHANGES = new Set([6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436]);

/** MaxTimeMSExpired, and what else ends an operation for the time that it took. */
const TOO_SLOW = new Set([50, 202]);

/** The kind of a failure of the database. */
export function failureKind(error: unknown): FailureKind {
  // The driver puts whatever a bulk failed of into an error of the server's kind.
  if (error instanceof MongoBulkWriteError && error.errorResponse instanceof Error)
    return failureKind(error.errorResponse);
  if (error instanceof MongoServerError) {
    const code = Number(error.code);
    if (STATE_CHANGES.has(code)) return 'away';
    return TOO_SLOW.has(code) ? 'slow' : 'refused';
  }
  if (error instanceof DatabaseTooSlow || error instanceof MongoNetworkTimeoutError) return 'slow';
  return isPoolExhausted(error) ? 'slow' : 'away';
}
