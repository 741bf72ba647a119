import type { ServerResponse } from 'node:http';

/** When the client of a reply last took some of it, or was last given some. */
const activeAt = new WeakMap<ServerResponse, number>();

/** Notes that a reply is not stalled as of now. */
export function noteActive(response: ServerResponse): void {
  activeAt.set(response, performance.now());
}

/** Watches how a client sends its request and takes its reply. */
export function watchReader(response: ServerResponse): void {
  const note = () => noteActive(response);
  note();
  response.on('drain', note);
  // After end(), node reports nothing until the client has taken the rest.
  response.once('prefinish', note);
}

/** Milliseconds for which only the client has been able to go on: to send the rest of its request or to take its reply. */
export function stalledMs(response: ServerResponse): number {
  const isTheirTurn = !response.req.complete || response.writableNeedDrain || response.writableEnded;
  const at = activeAt.get(response);
  return isTheirTurn && at !== undefined ? performance.now() - at : 0;
}
