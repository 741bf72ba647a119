/** Connections whose clients do nothing make room for others, with and without a key. */
import { once } from 'node:events';
import { get } from 'node:http';
import { type Socket, connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Limits } from '../../src/config/limits.ts';
import { dial, hangUp } from '../support/connections.ts';
import { NOW, type Service, limitsWith, listenOn, startService } from '../support/service.ts';

const MAX_CONNECTIONS = 30;

let service: Service;
let key: string;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  service = await startService();
  ({ key } = await service.keys.create({ name: 'honest', scope: 'admin' }, NOW));
});
afterAll(() => service.close());
afterEach(async () => {
  hangUp();
  for (const one of opened.splice(0).toReversed()) await one.close();
});

async function listen(others: Partial<Limits> = {}) {
  const limits = limitsWith({ maxConnections: MAX_CONNECTIONS, ...others });
  const listener = await listenOn(service.collections, () => NOW, 'required', { limits });
  opened.push(listener);
  return listener;
}

/** The status of a request with a key, on a connection of its own. */
async function honestStatus(url: string): Promise<number> {
  const request = get(`${url}/api/tasks?limit=1`, { agent: false, headers: { 'x-api-key': key } });
  const [response] = await once(request, 'response');
  response.resume();
  return response.statusCode;
}

/** A connection that sends this and reads nothing; another takes its place when it ends. */
function persist(port: number, sent: string, ended: () => boolean): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  socket.write(sent);
  socket.on('close', () => setImmediate(() => ended() || persist(port, sent, ended)));
  opened.push({ close: async () => void socket.destroy() });
  return socket;
}

const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

describe('clients without a key that read nothing do not block others', () => {
  test.each([
    ['/docs/swagger-ui-bundle.js', 1],
    ['/openapi.json', 1],
    ['/api/tasks', 1],
    ['/nothing', 1],
  ])('of %s', async (path) => {
    const { url, port, server } = await listen();
    let isOver = false;
    // As many requests as wait on a connection: the buffers of the kernel take some of their replies.
    for (let count = 0; count < 2 * MAX_CONNECTIONS; count += 1)
      persist(port, ask(path).repeat(90), () => isOver);
    const openCount = () =>
      new Promise<number>((resolve) => server.getConnections((_error, open) => resolve(open)));
    while ((await openCount()) < MAX_CONNECTIONS) await new Promise(setImmediate);
    const statuses: number[] = [];
    for (let round = 0; round < 20; round += 1) statuses.push(await honestStatus(url));
    isOver = true;
    expect(statuses).toEqual(statuses.map(() => 200));
  });
});

test('a client with a key that stops sending its body makes room', async () => {
  const { url, port, server } = await listen({ stalledReaderMs: 100, maxConnections: 2 });
  const uploads = [await dial(port), await dial(port)];
  for (const socket of uploads) {
    const head = `POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nx-api-key: ${key}\r\nContent-Type: application/json\r\n`;
    socket.write(`${head}Content-Length: 1000\r\n\r\n{`);
    await once(server, 'request');
  }
  let status = 503;
  while (status === 503) status = await honestStatus(url);
  expect(status).toBe(200);
});
