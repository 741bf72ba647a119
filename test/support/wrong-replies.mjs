/**
 * Loaded by NODE_OPTIONS into each process of a bench: makes baseline (a) reply wrongly. `?title`: with another title, as
 * long as the right one; `?later`: with status 500, but only after its first replies; `?cut`: with an end that is missing,
 * as late.
 */
import { ServerResponse } from 'node:http';

const FIRST_REPLIES = 2;

if (process.argv[1]?.endsWith('baselines/express.js')) {
  const kind = new URL(import.meta.url).search.slice(1);
  const { end } = ServerResponse.prototype;
  let replies = 0;
  ServerResponse.prototype.end = function endWrongly(chunk, ...rest) {
    replies += 1;
    if (kind === 'title') return end.call(this, String(chunk).replace(/"title":"./, '"title":"#'), ...rest);
    if (replies <= FIRST_REPLIES) return end.call(this, chunk, ...rest);
    if (kind === 'later') this.statusCode = 500;
    if (kind === 'cut') this.once('finish', () => this.socket.destroy());
    const shown = kind === 'cut' ? String(chunk).slice(0, -1) : chunk;
    return end.call(this, shown, ...rest);
  };
}
