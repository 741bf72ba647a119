import type { ServerResponse } from 'node:http';

/** When each reply last made progress, by performance.now(): the client read a part of it, or the service sent one. */
const activeAt = new WeakMap<ServerResponse, number>();

export function noteActive(response: ServerResponse): void {
  activeAt.set(response, performance.now());
}

/** Records progress of a reply now, and whenever the client has read what was sent. */
export function watchReader(response: ServerResponse): void {
  const note = () => noteActive(response);
  note();
  response.on('drain', note);
  // After end(), there is no `drain` event; Node reports nothing more until the client has read the rest.
  response.once('prefinish', note);
}

/**
 * Returns the milliseconds since a reply last made progress, if the service waits for the client to send the request or
 * to read the reply; 0 if it does not wait for the client.
 */
export function stalledMs(response: ServerResponse): number {
  const isTheirTurn = !response.req.complete || response.writableNeedDrain || response.writableEnded;
  const at = activeAt.get(response);
  return isTheirTurn && at !== undefined ? performance.now() - at : 0;
}
