/** Requests that the service sends to itself for another request. */
import { once } from 'node:events';
import { type IncomingHttpHeaders, type Server, createServer, request as ask } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import express from 'express';
import { inMemory } from '../../src/http/server/in-memory-fetch.ts';
import { listen } from '../../src/http/server/listener.ts';

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  if (server) await new Promise((resolve) => server?.close(resolve));
});

interface Seen {
  ip: string | undefined;
  headers: IncomingHttpHeaders;
}

/** An app whose /outer asks its own /inner, which answers if it is told to. */
async function start(isAnswering: boolean) {
  const seen: Seen[] = [];
  const app = express();
  app.set('trust proxy', 'loopback');
  const connect = inMemory(app);
  let onAborted = () => {};
  const aborted = new Promise<void>((resolve) => (onAborted = resolve));
  let onAsked = () => {};
  const asked = new Promise<void>((resolve) => (onAsked = resolve));
  app.post('/inner', (request, response) => {
    seen.push({ ip: request.ip, headers: request.headers });
    response.once('close', () => {
      if (!response.writableFinished) onAborted();
    });
    onAsked();
    if (isAnswering) response.status(202).json({ query: request.query });
  });
  app.post('/outer', async (request, response) => {
    response.setHeader('x-request-id', 'of-outer');
    const send = connect(request, response)();
    // The client adds these; they must not be used.
    const headers = { 'x-api-key': 'of the process', authorization: 'Bearer of the process' };
    const reply = await send('http://localhost/inner?a=%C3%A9', { method: 'POST', headers, body: '{}' });
    response.status(reply.status).json(await reply.json());
  });
  server = createServer(app);
  return { url: await listen(server, 0, '127.0.0.1'), seen, asked, aborted };
}

test('have the address, the host, the credentials and the id of that request, and no others', async () => {
  const { url, seen } = await start(true);
  const headers = { 'X-Forwarded-For': '203.0.113.7', 'x-api-key': 'of the caller' };
  const response = await fetch(`${url}/outer`, { method: 'POST', headers });
  expect([response.status, await response.json()]).toEqual([202, { query: { a: 'é' } }]);
  expect(seen).toEqual([
    {
      ip: '203.0.113.7',
      headers: expect.objectContaining({
        host: new URL(url).host,
        'x-api-key': 'of the caller',
        'x-request-id': 'of-outer',
      }),
    },
  ]);
  expect(seen[0]?.headers).not.toHaveProperty('authorization');
  expect(seen[0]?.headers).not.toHaveProperty('x-forwarded-for');
});

test('are aborted when the client of that request leaves', async () => {
  const { url, asked, aborted } = await start(false);
  const outgoing = ask(`${url}/outer`, { method: 'POST' });
  const failed = once(outgoing, 'error');
  outgoing.end();
  outgoing.on('error', () => undefined);
  await asked;
  outgoing.destroy(new Error('The client leaves.'));
  await failed;
  await aborted;
});
