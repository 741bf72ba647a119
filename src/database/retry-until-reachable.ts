import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { failureKind, isDatabaseFailure } from './failures.ts';
import type { DatabaseWatch } from './watch.ts';

const RETRY_MS = 500;

/** Whether a DNS lookup failed. The driver resolves mongodb+srv:// names and passes on the lookup's error. */
function isNameFailure(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && /^(query|getaddrinfo)/.test(String(error.syscall));
}

/** Whether a retry may succeed. A server that refuses the password will keep refusing it. */
function isTransient(error: unknown): boolean {
  return isNameFailure(error) || (isDatabaseFailure(error) && failureKind(error) !== 'refused');
}

interface RetryOptions {
  watch: DatabaseWatch;
  log: Logger;
  giveUp: AbortSignal;
  /** Called once, after the first failure. */
  onWait: () => void;
}

/**
 * Runs work that needs the database. If the database is unreachable or becomes so during the work, restarts the work
 * from its beginning every 500 ms until it succeeds.
 * @throws the work's error if a retry would not help or if `giveUp` was aborted during the work; AbortError if `giveUp`
 *   is aborted between two attempts
 */
export async function retryUntilReachable(
  work: () => Promise<void>,
  { watch, log, giveUp, onWait }: RetryOptions,
): Promise<void> {
  let isWaiting = false;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (giveUp.aborted || !isTransient(error)) throw error;
      watch.failed(error);
    }
    if (!isWaiting) {
      isWaiting = true;
      log.warn(
        'waiting for the database; until it is reachable, requests to /api, /mcp and /health/ready get 503',
      );
      onWait();
    }
    await pause(RETRY_MS, undefined, { signal: giveUp });
  }
}
