import { setImmediate as yieldToOthers } from 'node:timers/promises';

/** How long all long work together may keep the event loop, in milliseconds. */
const TURN_MS = 5;

let endsAt = 0;
let next: Promise<void> | undefined;

/** Whether long work should give way now, with nextTurn(). */
export function isTurnOver(): boolean {
  return performance.now() > endsAt;
}

/** Lets the rest of the process run. Whoever waits at the same time shares the turn that follows. */
export async function nextTurn(): Promise<void> {
  next ??= beginTurn();
  await next;
}

async function beginTurn(): Promise<void> {
  await yieldToOthers();
  next = undefined;
  endsAt = performance.now() + TURN_MS;
}
