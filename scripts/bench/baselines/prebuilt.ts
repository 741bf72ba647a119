/**
 * Baseline (c), the upper limit: node:http sends a prebuilt body. If the request accepts gzip, zlib compresses the
 * body anew.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { readTasks } from './read-tasks.ts';
import { serve } from './serve.ts';

const compress = promisify(gzip);

await serve((collections) => {
  const bodies = new Map<string, Buffer>();

  async function bodyOf(url: string): Promise<Buffer> {
    const query = Object.fromEntries(new URL(url, 'http://localhost').searchParams);
    const body = Buffer.from(
      JSON.stringify({ status: 'success', tasks: await readTasks(collections, query) }),
    );
    bodies.set(url, body);
    return body;
  }

  return async (request, response) => {
    const url = request.url ?? '/';
    const plain = bodies.get(url) ?? (await bodyOf(url));
    const isCompressed = request.headers['accept-encoding'] === 'gzip';
    const body = isCompressed ? await compress(plain) : plain;
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      ...(isCompressed && { 'Content-Encoding': 'gzip' }),
    });
    response.end(body);
  };
});
