import { eventLoopUse } from '../../lib/event-loop.ts';
import { tooLate } from './too-late.ts';

/** Returns the result of the promise. Rejects with the error of `tooLate` if it takes longer than `limitMs`. */
async function withTimeout<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const before = eventLoopUse();
    const timer = setTimeout(() => reject(tooLate(limitMs, before)), limitMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/**
 * Yields the items of a source, and throws if one takes longer than `limitMs`. The driver's own limit covers only one
 * attempt of one command, without retries and server selection. The time between two items, in which the consumer
 * works, does not count.
 */
export async function* withItemTimeout<T>(
  source: AsyncIterable<T>,
  limitMs: number,
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  // Whether to close the source at the end. Do not close a source that has ended, has failed or is late.
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
