import { setImmediate as yieldToOthers } from 'node:timers/promises';

/** How long all long-running work together may block the event loop before it must yield, in milliseconds. */
const SLICE_MS = 5;

let endsAt = 0;
let next: Promise<void> | undefined;

/** Whether long-running work must yield now, by calling nextSlice(). */
export function isSliceOver(): boolean {
  return performance.now() > endsAt;
}

/** Yields to other work, and resolves when the next slice starts. Concurrent callers share that slice. */
export async function nextSlice(): Promise<void> {
  next ??= startSlice();
  await next;
}

async function startSlice(): Promise<void> {
  await yieldToOthers();
  next = undefined;
  endsAt = performance.now() + SLICE_MS;
}
