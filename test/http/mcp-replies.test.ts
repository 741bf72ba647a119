/** Replies of /mcp that never end. */
import { once } from 'node:events';
import { type Server, request as ask, createServer } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import express from 'express';
import { mcp } from '../../src/http/server/mcp.ts';
import { listen } from '../../src/http/server/listener.ts';
import { limitsWith } from '../support/service.ts';

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  if (server) await new Promise((resolve) => server?.close(resolve));
});

test('a reply that never ends is canceled when its client leaves', async () => {
  let onStarted = () => {};
  const started = new Promise<void>((resolve) => (onStarted = resolve));
  let onCanceled = () => {};
  const canceled = new Promise<void>((resolve) => (onCanceled = resolve));
  const source = { pull: () => onStarted(), cancel: () => onCanceled() };
  // Without a buffer, so that the stream is pulled only once it is read.
  const endless = new ReadableStream(source, { highWaterMark: 0 });
  const app = express();
  app.post(
    '/mcp',
    mcp(app, {
      limits: limitsWith(),
      budget: { adopt: () => {} },
      load: async () => ({ handleMcp: async () => new Response(endless) }),
    }),
  );
  server = createServer(app);
  const url = await listen(server, 0, '127.0.0.1');
  const headers = { 'Content-Type': 'application/json' };
  const outgoing = ask(`${url}/mcp`, { method: 'POST', headers });
  const failed = once(outgoing, 'error');
  outgoing.end('{}');
  outgoing.on('error', () => undefined);
  await started;
  outgoing.destroy(new Error('The client leaves.'));
  await failed;
  await expect(canceled).resolves.toBeUndefined();
});
