import { eventLoopUse } from '../../lib/event-loop.ts';
import { tooLate } from './too-late.ts';

/** What a promise becomes, or that it took too long. */
async function inTime<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const before = eventLoopUse();
    const timer = setTimeout(() => reject(tooLate(limitMs, before)), limitMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/**
 * Passes on what the database gives bit by bit, each within its time. The database's own bounds hold for one attempt at one
 * question: together with the next attempt, and the search for a server, they come to more. How long whoever reads takes for
 * one before he wants the next does not count.
 */
export async function* eachInTime<T>(
  source: AsyncIterable<T>,
  limitMs: number,
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  // Until its end is reached, or it has failed, it has to be told that no more is wanted.
  let isOpen = true;
  try {
    for (;;) {
      isOpen = false;
      const next = await inTime(iterator.next(), limitMs);
      if (next.done) return;
      isOpen = true;
      yield next.value;
    }
  } finally {
    // One that is late would be told only when it comes to itself; nobody waits for it any more.
    if (isOpen) await iterator.return?.();
  }
}
