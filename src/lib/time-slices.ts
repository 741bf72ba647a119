import { setImmediate as yieldToOthers } from 'node:timers/promises';

/** Milliseconds that all long work together may hold the event loop. */
const SLICE_MS = 5;

let endsAt = 0;
let next: Promise<void> | undefined;

/** Whether long work should yield now, with nextSlice(). */
export function isSliceOver(): boolean {
  return performance.now() > endsAt;
}

/** Lets other work run. Concurrent callers share the slice that follows. */
export async function nextSlice(): Promise<void> {
  next ??= startSlice();
  await next;
}

async function startSlice(): Promise<void> {
  await yieldToOthers();
  next = undefined;
  endsAt = performance.now() + SLICE_MS;
}
