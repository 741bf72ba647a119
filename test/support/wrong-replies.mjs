/**
 * Loaded by NODE_OPTIONS into each process of a bench: makes baseline (a) reply wrongly. `?title`: with another title, as
 * long as the right one. Or rightly at first, and then with status 500 (`?later`), without the end (`?cut`), or whole but
 * shorter (`?shorter`).
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
    if (kind === 'shorter') {
      const empty = '{"status":"success","tasks":[]}';
      this.setHeader('Content-Length', empty.length);
      return end.call(this, empty);
    }
    if (kind === 'cut') this.once('finish', () => this.socket.destroy());
    const shown = kind === 'cut' ? String(chunk).slice(0, -1) : chunk;
    return end.call(this, shown, ...rest);
  };
}
