import { once } from 'node:events';
import type { Logger } from 'pino';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Aborts `ending` on SIGTERM, SIGINT or an unhandled error; after an error, the exit code is 1. A second signal kills
 * the process. A second error is only logged, because shutdown itself may cause it.
 */
export function abortOnSignal(ending: AbortController, log: Logger): void {
  let wasSignaled = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (wasSignaled) {
      for (const name of SIGNALS) process.removeListener(name, onSignal);
      process.kill(process.pid, signal);
      return;
    }
    wasSignaled = true;
    log.info({ signal }, 'shutting down');
    ending.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  // Also receives unhandled rejections.
  process.on('uncaughtException', (error, origin) => {
    log.fatal({ err: error, origin }, 'unexpected error; shutting down');
    process.exitCode = 1;
    ending.abort();
  });
}

export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/** Exits with code 1 after the deadline if shutdown has not ended the process by then. */
export function exitAfter(deadlineMs: number, log: Logger): void {
  setTimeout(() => {
    log.error('shutdown took too long; exiting with work unfinished');
    process.exit(1);
  }, deadlineMs).unref();
}
