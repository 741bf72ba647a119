import { setImmediate as yieldToOthers } from 'node:timers/promises';

/** Maximum time in milliseconds that all long-running work together may block the event loop. */
const SLICE_MS = 5;

let endsAt = 0;
let next: Promise<void> | undefined;

/** Whether long-running work should now yield with nextSlice(). */
export function isSliceOver(): boolean {
  return performance.now() > endsAt;
}

/** Yields to other work. Concurrent callers share the next slice. */
export async function nextSlice(): Promise<void> {
  next ??= startSlice();
  await next;
}

async function startSlice(): Promise<void> {
  await yieldToOthers();
  next = undefined;
  endsAt = performance.now() + SLICE_MS;
}
