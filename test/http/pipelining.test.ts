/** Requests that are sent on a connection before the earlier ones are answered: what they may hold, and how they end. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Limits } from '../../src/config/limits.ts';
import { ACCOUNT, ARTIST } from '../support/builders.ts';
import { dial, hangUp } from '../support/connections.ts';
import { checkedFetch } from '../support/contract.ts';
import { TASKS, addLargeListing } from '../support/large-listing.ts';
import { NOW, type Service, limitsWith, listenOn, startService } from '../support/service.ts';

/** That nobody waits for in a test. */
const NEVER_MS = 600_000;

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const ALL = get('/api/tasks');
const FEW = get('/health/live');

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

async function withLimits(others: Partial<Limits> = {}) {
  const listener = await listenOn(service.collections, () => NOW, 'none', { limits: limitsWith(others) });
  opened.push(listener);
  return listener;
}

/** The statuses of all replies on a connection, in order. */
const statusesOf = (replies: string) =>
  [...replies.matchAll(/HTTP\/1\.1 (\d+) [^]*?\r\n\r\n/g)].map(([, status]) => status);

const post = (title: string) => {
  const body = { title, prompt: 'p', schedule: '0 9 * * 4', account_id: ACCOUNT, artist_account_id: ARTIST };
  const content = JSON.stringify(body);
  return `POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${content.length}\r\n\r\n${content}`;
};

test('they are answered in the order they came', async () => {
  const { port } = await withLimits();
  const socket = await dial(port);
  socket.write(
    FEW.repeat(50) +
      post('A') +
      get('/nothing') +
      post('B') +
      FEW.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
  );
  const replies = await text(socket);
  expect(statusesOf(replies)).toEqual([
    ...Array.from({ length: 50 }, () => '200'),
    '200',
    '404',
    '200',
    '200',
  ]);
  expect(replies.indexOf('"title":"A"')).toBeLessThan(replies.indexOf('"title":"B"'));
});

test('what is no request is told so after the replies before it, and not amid them', async () => {
  const { port } = await withLimits();
  const socket = await dial(port);
  socket.write(`${ALL}NONSENSE\r\n\r\n`);
  const replies = await text(socket);
  expect(statusesOf(replies)).toEqual(['200', '400']);
  expect(replies.split(']}HTTP/1.1 400 ')[1]?.includes('"malformed_request"')).toBe(true);
});

test('CONNECT behind a listing that nobody reads, or from a client that resets, ends the connection alone', async () => {
  const { port, server, url } = await withLimits();
  const still = await dial(port);
  still.write(`${ALL}CONNECT example:443 HTTP/1.1\r\nHost: example\r\n\r\n`);
  const resetting = await dial(port);
  resetting.write('CONNECT example:443 HTTP/1.1\r\nHost: example\r\n\r\n');
  resetting.resetAndDestroy();
  const count = () => new Promise((resolve) => server.getConnections((_error, open) => resolve(open)));
  while ((await count()) !== 0) await new Promise(setImmediate);
  expect((await checkedFetch(`${url}/api/tasks?limit=1`)).status).toBe(200);
});

test('a client that leaves them unread takes nothing with it that an ending service would wait for', async () => {
  const { port, server, drain } = await withLimits();
  for (let round = 0; round < 3; round += 1) {
    const socket = await dial(port);
    socket.write(ALL + get('/api/tasks?limit=5').repeat(40));
    await once(socket, 'readable');
    socket.read(1_000);
    socket.destroy();
  }
  const count = () => new Promise((resolve) => server.getConnections((_error, open) => resolve(open)));
  while ((await count()) !== 0) await new Promise(setImmediate);
  // Is closed as soon as nothing is being served.
  await dial(port);
  await drain({ delayMs: 0, deadlineMs: NEVER_MS });
});

test('more than a hundred at once cost the connection, and nobody else anything', async () => {
  const { port, url } = await withLimits();
  const many = await dial(port);
  many.write(ALL + FEW.repeat(101));
  await expect(once(many.resume(), 'close')).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect((await checkedFetch(`${url}/api/tasks?limit=1`)).status).toBe(200);
});

test('the waiting requests of all connections have a limit of bytes, and a request beyond it ends its connection', async () => {
  const { port, url } = await withLimits({ maxPipelinedBytes: 100_000 });
  const large = FEW.replace('\r\n\r\n', `\r\nx-large: ${'x'.repeat(30_000)}\r\n\r\n`);
  const first = await dial(port);
  first.write(ALL + large.repeat(2));
  await once(first, 'readable');
  const second = await dial(port);
  second.write(ALL + large.repeat(3));
  await expect(once(second.resume(), 'close')).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect((await checkedFetch(`${url}/api/tasks?limit=1`)).status).toBe(200);
  expect(first.errored).toBe(null);
});

test('listings of everything on one connection take one turn', async () => {
  const { port, url } = await withLimits({ maxReplyBytes: 16_777_216, stalledReaderMs: NEVER_MS });
  const still = await dial(port);
  still.write(ALL.repeat(40));
  await once(still, 'readable');
  expect((await (await checkedFetch(`${url}/api/tasks`)).json()).tasks.length).toBeGreaterThanOrEqual(TASKS);
});

test('listings of everything that nobody reads make room, those behind another reply as well', async () => {
  const { port, url } = await withLimits({
    maxReplyBytes: 1,
    stalledReaderMs: 100,
    queueTimeoutMs: NEVER_MS,
  });
  const still = await dial(port);
  still.write(get('/api/tasks?limit=800') + ALL.repeat(40));
  await once(still, 'readable');
  expect((await checkedFetch(`${url}/api/tasks`)).status).toBe(200);
});

test.each([
  ['that is being answered', ''],
  ['that is being read, though its headers are gone', ALL],
])('when the service ends, the request %s is the last that it takes', async (_what, before) => {
  const { port, drain } = await withLimits();
  const socket = await dial(port);
  const titles = [1, 2, 3].map((number) => `Ending ${before.length} ${number}`);
  if (before !== '') {
    socket.write(before);
    await once(socket, 'readable');
  }
  const ended = drain({ delayMs: NEVER_MS, deadlineMs: NEVER_MS });
  socket.write(titles.map(post).join(''));
  const replies = statusesOf(await text(socket));
  await ended;
  expect(replies).toEqual(['200']);
  const created = await service.collections.tasks.find({ title: { $in: titles } }).toArray();
  expect(created.map(({ title }) => title)).toEqual(before === '' ? titles.slice(0, 1) : []);
});
