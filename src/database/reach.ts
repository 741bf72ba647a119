import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Database } from './connect.ts';
import { failureKind, isDatabaseFailure } from './failures.ts';
import type { DatabaseWatch } from './watch.ts';

const TRY_AGAIN_MS = 500;

/** Names of mongodb+srv:// are looked up by the driver, which passes on how that failed. */
function isNameFailure(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && /^(query|getaddrinfo)/.test(String(error.syscall));
}

/** Whether it may be otherwise in a while. A server that refuses the password will go on to do so. */
function mayPass(error: unknown): boolean {
  return isNameFailure(error) || (isDatabaseFailure(error) && failureKind(error) !== 'refused');
}

/**
 * Connects to the database once.
 * @returns whether it could be reached
 * @throws the driver's error where to wait would not help
 */
export async function reach(database: Database, watch: DatabaseWatch): Promise<boolean> {
  try {
    await database.connect();
    return true;
  } catch (error) {
    if (!mayPass(error)) throw error;
    watch.failed(error);
    return false;
  }
}

/**
 * Connects to the database as often as it takes.
 * @returns whether it could be reached before it was told to give up
 */
export async function reachPatiently(
  database: Database,
  { watch, log, giveUp }: { watch: DatabaseWatch; log: Logger; giveUp: AbortSignal },
): Promise<boolean> {
  log.warn('waiting for the database: every request is answered 503 until it can be reached');
  while (!giveUp.aborted) {
    if (await reach(database, watch)) return true;
    await pause(TRY_AGAIN_MS, undefined, { signal: giveUp }).catch(() => undefined);
  }
  return false;
}
