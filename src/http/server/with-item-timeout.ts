import { eventLoopUse } from '../../lib/event-loop.ts';
import { tooLate } from './too-late.ts';

/** Settles like the promise, or rejects if it takes too long. */
async function withTimeout<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const before = eventLoopUse();
    const timer = setTimeout(() => reject(tooLate(limitMs, before)), limitMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/**
 * Yields the items of a source and bounds the wait for each. The driver only bounds one attempt of one command; retries
 * and server selection add to that. The time that the consumer takes between two items does not count.
 */
export async function* withItemTimeout<T>(
  source: AsyncIterable<T>,
  limitMs: number,
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  // The source must be closed unless it has ended or failed.
  let isOpen = true;
  try {
    for (;;) {
      isOpen = false;
      const next = await withTimeout(iterator.next(), limitMs);
      if (next.done) return;
      isOpen = true;
      yield next.value;
    }
  } finally {
    // Do not call return() after a timeout: it would wait for the item that is already late.
    if (isOpen) await iterator.return?.();
  }
}
