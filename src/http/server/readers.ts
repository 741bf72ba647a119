import type { ServerResponse } from 'node:http';

/** The time at which a reply last made progress: the client read some of it, or the service sent some. */
const activeAt = new WeakMap<ServerResponse, number>();

/** Records the current time as the last at which the reply made progress. */
export function noteActive(response: ServerResponse): void {
  activeAt.set(response, performance.now());
}

/** Records progress now, and whenever the client has read what was sent. */
export function watchReader(response: ServerResponse): void {
  const note = () => noteActive(response);
  note();
  response.on('drain', note);
  // After end(), Node emits nothing until the client has read the rest.
  response.once('prefinish', note);
}

/**
 * Milliseconds since the last progress, while the service waits for the client to send its request or read its reply;
 * else 0.
 */
export function stalledMs(response: ServerResponse): number {
  const isTheirTurn = !response.req.complete || response.writableNeedDrain || response.writableEnded;
  const at = activeAt.get(response);
  return isTheirTurn && at !== undefined ? performance.now() - at : 0;
}
