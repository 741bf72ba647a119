/** The memory of replies that clients do not read, and how other clients are served meanwhile. */
import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Limits } from '../../src/config/limits.ts';
import { dial, hangUp } from '../support/connections.ts';
import { checkedFetch } from '../support/contract.ts';
import { TASKS, addLargeListing } from '../support/large-listing.ts';
import { NOW, type Service, limitsWith, listenOn, startService } from '../support/service.ts';

const MIB = 1_048_576;
/** Nothing in a test takes this long. */
const NEVER_MS = 600_000;
/** The bound in these tests, and what one reply of most tasks has: 15 MB. */
const BUDGET = 48 * MIB;
/** Buffers of connections, batches under way and what the garbage collector has not seen yet. */
const TOLERANCE = 48 * MIB;

let service: Service;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  service = await startService();
  await addLargeListing(service.collections);
});
afterAll(() => service.close());
afterEach(async () => {
  hangUp();
  for (const one of opened.splice(0).toReversed()) await one.close();
});

/** The service without a cache, so that no two replies share their text. */
async function listen(limits: Partial<Limits> = {}, auth: 'none' | 'required' = 'none') {
  const options = { limits: limitsWith({ maxReplyBytes: BUDGET, ...limits }), cacheBytes: 0 };
  const listener = await listenOn(service.collections, () => NOW, auth, options);
  opened.push(listener);
  return listener;
}

const ask = (path: string, key = '') =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${key === '' ? '' : `x-api-key: ${key}\r\n`}\r\n`;

/** A client that has been sent the start of a reply, or an error, or was cut off, and reads nothing of it. */
async function stalledReader(port: number, path: string, key?: string): Promise<Socket> {
  const socket = await dial(port);
  socket.write(ask(path, key));
  await new Promise((resolve) => {
    socket.once('readable', resolve).once('close', resolve);
  });
  return socket;
}

/** Replies of which no two are the same: each of one task less than the one before. */
const page = (at: number) => `/api/tasks?limit=${TASKS - at}`;

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');

/** Bytes of all buffers of this process that are still referenced. */
function bufferBytes(): number {
  if (typeof collectGarbage === 'function') for (let round = 0; round < 3; round += 1) collectGarbage();
  const { arrayBuffers } = process.memoryUsage();
  return arrayBuffers;
}

test('many distinct large replies that no client reads hold no more bytes than the limit', async () => {
  const { port, url } = await listen({ stalledReaderMs: 500 });
  const before = bufferBytes();
  let most = 0;
  const fast: number[] = [];
  for (let at = 0; at < 14; at += 2) {
    await Promise.all([stalledReader(port, page(at)), stalledReader(port, page(at + 1))]);
    most = Math.max(most, bufferBytes() - before);
    fast.push((await checkedFetch(`${url}/api/tasks?limit=10`)).status);
  }
  process.stderr.write(`held at most ${Math.round(most / MIB)} MiB\n`);
  expect(most).toBeLessThan(BUDGET + TOLERANCE);
  expect(fast).toEqual(fast.map(() => 200));
});

test('a key whose clients read nothing does not keep another key waiting', async () => {
  const never = { stalledReaderMs: NEVER_MS, queueTimeoutMs: NEVER_MS };
  const { port, url, lines } = await listen({ maxReplyBytes: 16 * MIB, ...never }, 'required');
  const create = (name: string) => service.keys.create({ name, scope: 'admin' }, NOW);
  const [{ key: greedy }, { key: honest }] = [await create('greedy'), await create('honest')];
  for (let at = 0; at < 2; at += 1) await stalledReader(port, page(at), greedy);
  const waiting = Array.from({ length: 4 }, () => stalledReader(port, page(2), greedy));
  const headers = { 'x-api-key': honest };
  expect((await checkedFetch(`${url}/api/tasks?limit=10`, { headers })).status).toBe(200);
  expect(lines).toContainEqual(expect.objectContaining({ key: 'greedy', aborted: true }));
  hangUp();
  await Promise.all(waiting);
});

test('a client that does not read a reply of /mcp does not keep another key waiting', async () => {
  const never = { stalledReaderMs: NEVER_MS, queueTimeoutMs: NEVER_MS };
  const { port, url } = await listen({ maxReplyBytes: 24 * MIB, ...never }, 'required');
  const create = (name: string) => service.keys.create({ name, scope: 'admin' }, NOW);
  const [{ key: greedy }, { key: honest }] = [await create('greedy'), await create('honest')];
  const params = { name: 'get_tasks', arguments: { limit: 100 } };
  const calls = Array.from({ length: 10 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params }));
  const body = JSON.stringify(calls);
  const socket = await dial(port);
  socket.write(
    `POST /mcp HTTP/1.1\r\nHost: localhost\r\nx-api-key: ${greedy}\r\nContent-Type: application/json\r\n` +
      `Accept: application/json, text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await new Promise((resolve) => {
    socket.once('readable', resolve).once('close', resolve);
  });
  const headers = { 'x-api-key': honest };
  expect((await checkedFetch(`${url}/api/tasks?limit=10`, { headers })).status).toBe(200);
});
