import { once } from 'node:events';
import type { Logger } from 'pino';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Aborts when the process is told to end by a signal, or must end, as failed, for an error that nobody handled. A second
 * signal ends it at once; a second error only reaches the log, as it may come of the ending.
 */
export function abortWhenTold(ending: AbortController, log: Logger): void {
  let told = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (told) {
      for (const name of SIGNALS) process.removeListener(name, onSignal);
      process.kill(process.pid, signal);
      return;
    }
    told = true;
    log.info({ signal }, 'shutting down');
    ending.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  // Rejections that nobody handles come here too.
  process.on('uncaughtException', (error, origin) => {
    log.fatal({ err: error, origin }, 'unexpected error; shutting down');
    process.exitCode = 1;
    ending.abort();
  });
}

/** Resolves when a signal is aborted. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/** Ends the process when its ending takes longer than this, rather than leave it to whoever is waiting to kill it. */
export function endWithin(deadlineMs: number, log: Logger): void {
  setTimeout(() => {
    log.error('shutdown took too long; exiting with work unfinished');
    process.exit(1);
  }, deadlineMs).unref();
}
