import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
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

interface Patience {
  watch: DatabaseWatch;
  log: Logger;
  giveUp: AbortSignal;
  /** Called when it has failed for the first time. */
  onWait: () => void;
}

/**
 * Does what needs the database from its beginning, as often as it takes to get to its end: the database may also be lost
 * on the way.
 * @throws what it throws once it is told to give up, or where to wait would not help
 */
export async function doPatiently(
  work: () => Promise<void>,
  { watch, log, giveUp, onWait }: Patience,
): Promise<void> {
  let isWaiting = false;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (giveUp.aborted || !mayPass(error)) throw error;
      watch.failed(error);
    }
    if (!isWaiting) {
      isWaiting = true;
      log.warn('waiting for the database; until it is reachable, every request gets 503');
      onWait();
    }
    await pause(TRY_AGAIN_MS, undefined, { signal: giveUp });
  }
}
