/** What a caller may cost: each bound with a small value of its setting, and what callers get who are beyond it. */
import { once } from 'node:events';
import { type IncomingMessage, get } from 'node:http';
import { type Socket, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { boundsOf } from '../../src/database/connect.ts';
import { openDatabase } from '../../src/store/open-store.ts';
import { upgrade } from '../../src/store/upgrade.ts';
import type { Limits } from '../../src/config/limits.ts';
import { ACCOUNT, ARTIST } from '../support/builders.ts';
import { dial, hangUp } from '../support/connections.ts';
import { checkedFetch } from '../support/contract.ts';
import { TASKS, addLargeListing } from '../support/large-listing.ts';
import { startProxy } from '../support/proxy.ts';
import { NOW, type Service, limitsWith, listenOn, startService } from '../support/service.ts';
import { countOf } from '../support/count.ts';
import { SOON } from '../support/retry-after.ts';

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

/** The service with other limits. */
async function withLimits(others: Partial<Limits>, collections = service.collections) {
  const listener = await listenOn(collections, () => NOW, 'none', { limits: limitsWith(others) });
  opened.push(listener);
  return listener;
}

const statusOf = async (url: string, path = '/api/tasks?limit=1') =>
  (await checkedFetch(`${url}${path}`)).status;

const codeOf = async (response: Response) => [response.status, (await response.json()).code];

describe('time', () => {
  test('headers that trickle in are refused, and keep nobody else waiting', async () => {
    const { url, port } = await withLimits({ headersTimeoutMs: 300 });
    const slow = await Promise.all(Array.from({ length: 50 }, () => dial(port)));
    for (const socket of slow) socket.write('GET /api/tasks HTTP/1.1\r\nHost: localhost\r\nx-slow: ');
    const trickle = setInterval(() => {
      for (const socket of slow) if (socket.writable) socket.write('x');
    }, 20);
    try {
      expect(await statusOf(url)).toBe(200);
      for (const socket of slow) expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 [^]*"request_timeout"/);
    } finally {
      clearInterval(trickle);
    }
  });

  test('a connection on which nothing is asked is closed', async () => {
    const { port } = await withLimits({ headersTimeoutMs: 300 });
    expect(await text(await dial(port))).toMatch(/^HTTP\/1\.1 408 |^$/);
  });

  test('a body that trickles in is refused, and keeps nobody else waiting', async () => {
    const { url, port } = await withLimits({ headersTimeoutMs: 300, requestTimeoutMs: 300 });
    const slow = await Promise.all(Array.from({ length: 50 }, () => dial(port)));
    const head = 'POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    for (const socket of slow) socket.write(`${head}Content-Length: 99999\r\n\r\n{`);
    const trickle = setInterval(() => {
      for (const socket of slow) if (socket.writable) socket.write(' ');
    }, 20);
    try {
      expect(await statusOf(url)).toBe(200);
      for (const socket of slow) expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 [^]*"request_timeout"/);
    } finally {
      clearInterval(trickle);
    }
  });

  test('a connection that is kept is closed when nothing more is asked', async () => {
    const { port } = await withLimits({ keepAliveTimeoutMs: 100 });
    const socket = await dial(port);
    socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 [^]*\r\nConnection: keep-alive\r\n/);
  });

  test('a reader that stands still is cut off', async () => {
    const { port, lines } = await withLimits({ idleTimeoutMs: 200 });
    const still = await dial(port);
    still.write('GET /api/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n');
    while (!lines.some((line) => line.aborted)) await new Promise(setImmediate);
  });
});

describe('size', () => {
  const post = (url: string, path: string, method: string, body: string) =>
    checkedFetch(`${url}${path}`, { method, headers: { 'Content-Type': 'application/json' }, body });

  test('of headers and URL', async () => {
    const { url } = await withLimits({ maxHeaderBytes: 2_000, maxUrlBytes: 1_000 });
    const long = 'x'.repeat(2_000);
    const large = await checkedFetch(`${url}/api/tasks`, { headers: { 'x-large': long } });
    expect(await codeOf(large)).toEqual([431, 'headers_too_large']);
    expect(await codeOf(await checkedFetch(`${url}/api/tasks?${'x'.repeat(1_000)}`))).toEqual([
      414,
      'uri_too_long',
    ]);
  });

  test('of bodies, and of those that record runs', async () => {
    const { url } = await withLimits({ maxBodyBytes: 2_000, maxRunsBodyBytes: 3_000 });
    const body = (bytes: number) => JSON.stringify('x'.repeat(bytes - 2));
    expect(await codeOf(await post(url, '/api/tasks', 'POST', body(2_000)))).toEqual([400, 'invalid_body']);
    expect(await codeOf(await post(url, '/api/tasks', 'POST', body(2_001)))).toEqual([413, 'body_too_large']);
    expect(await codeOf(await post(url, '/api/tasks/runs', 'PUT', body(3_000)))).toEqual([
      400,
      'invalid_body',
    ]);
    expect(await codeOf(await post(url, '/api/tasks/runs', 'PUT', body(3_001)))).toEqual([
      413,
      'body_too_large',
    ]);
  });

  test('of a JSON text in depth', async () => {
    const { url } = await withLimits({ maxJsonDepth: 3 });
    expect(await codeOf(await post(url, '/api/tasks', 'POST', '[[[]]]'))).toEqual([400, 'invalid_body']);
    expect(await codeOf(await post(url, '/api/tasks', 'POST', '[[[[]]]]'))).toEqual([400, 'malformed_body']);
  });
});

/** A listing of everything, of which nothing is read yet. */
async function startListing(url: string): Promise<IncomingMessage> {
  const request = get(`${url}/api/tasks`, { agent: false });
  const [response]: IncomingMessage[] = await once(request, 'response');
  if (!response) throw new Error('There is no response.');
  // One that is reset before anybody reads it; Node 24 tells the request, too.
  for (const stream of [request, response]) stream.on('error', () => undefined);
  opened.push({ close: async () => void response.destroy() });
  return response;
}

describe('connections', () => {
  test('too many that are served are told so, balancers are answered, and there is room again when one ends', async () => {
    const { url, server } = await withLimits({ maxConnections: 2 });
    const [first] = [await startListing(url), await startListing(url)];
    const refused = await checkedFetch(`${url}/api/tasks`);
    expect(refused.headers.get('retry-after')).toMatch(SOON);
    expect(refused.headers.get('connection')).toBe('close');
    expect(await codeOf(refused)).toEqual([503, 'too_busy']);
    expect(await statusOf(url, '/health/live')).toBe(200);
    first.destroy();
    const count = () => new Promise((resolve) => server.getConnections((_error, open) => resolve(open)));
    while ((await count()) !== 1) await new Promise(setImmediate);
    expect(await statusOf(url)).toBe(200);
  });

  test('that wait for a next request make room for others, those that wait longest first', async () => {
    const { url, port } = await withLimits({ maxConnections: 2 });
    const [idle, later] = [await dial(port), await dial(port)];
    for (const socket of [later, idle, later]) {
      socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await once(socket, 'data');
    }
    const closed = once(idle, 'close');
    expect(await statusOf(url)).toBe(200);
    await closed;
    later.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(String((await once(later, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('whose headers trickle in keep nobody from being answered, though they come again', async () => {
    const { url, port } = await withLimits({ maxConnections: 50 });
    let goesOn = true;
    const came: Socket[] = [];
    const trickle = () => {
      if (!goesOn) return;
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      socket.on('connect', () => came.push(socket));
      socket.on('close', () => setImmediate(trickle)).resume();
      socket.write('GET /api/tasks HTTP/1.1\r\nHost: localhost\r\nx-slow: ');
      opened.push({ close: async () => void socket.destroy() });
    };
    for (let count = 0; count < 60; count += 1) trickle();
    while (came.length < 120) await new Promise(setImmediate);
    const statuses: unknown[] = [];
    for (let count = 0; count < 30; count += 1) {
      const [response] = await once(get(`${url}/api/tasks?limit=1`, { agent: false }), 'response');
      response.resume();
      statuses.push(response.statusCode);
    }
    goesOn = false;
    expect(statuses).toEqual(Array.from({ length: 30 }, () => 200));
  });

  test('very many more than are served are closed', async () => {
    const { url, port } = await withLimits({ maxConnections: 1 });
    await startListing(url);
    const all = await Promise.all(Array.from({ length: 101 }, () => dial(port)));
    await Promise.race(all.map((socket) => once(socket.resume(), 'close')));
    expect(all.filter(({ destroyed }) => destroyed)).toHaveLength(1);
  });
});

/** With as many bytes, one reply is under way at a time; with as many more, two listings of everything. */
const ONE = 1;
const TWO = 16_777_216;

describe('bytes of replies', () => {
  test('make a request wait while they are spent, until an earlier reply has been read', async () => {
    const { url } = await withLimits({ maxReplyBytes: ONE, stalledReaderMs: 60_000, queueTimeoutMs: 60_000 });
    const first = await startListing(url);
    const second = startListing(url);
    expect(await statusOf(url, '/health/live')).toBe(200);
    expect(JSON.parse(await text(first)).tasks).toHaveLength(TASKS);
    expect(JSON.parse(await text(await second)).tasks).toHaveLength(TASKS);
  });

  test.each(['/api/tasks', '/api/tasks?limit=1', `/api/tasks?id=${ACCOUNT}`, '/api/tasks/runs'])(
    'a request of %s is refused when it has waited too long, and health checks are answered',
    async (path) => {
      const { url } = await withLimits({ maxReplyBytes: ONE, stalledReaderMs: 60_000, queueTimeoutMs: 100 });
      const first = await startListing(url);
      const refused = await checkedFetch(`${url}${path}`);
      expect(refused.headers.get('retry-after')).toMatch(SOON);
      expect(await codeOf(refused)).toEqual([503, 'too_busy']);
      expect(await statusOf(url, '/health/live')).toBe(200);
      first.destroy();
      await once(first, 'close');
    },
  );

  test('are released when the connection ends, also those of a request without a reply', async () => {
    const { url, port } = await withLimits({
      maxReplyBytes: TWO,
      queueTimeoutMs: 60_000,
      stalledReaderMs: 60_000,
    });
    const socket = connect(port, '127.0.0.1');
    const request = 'GET /api/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n';
    socket.write(request + request);
    await once(socket, 'readable');
    socket.destroy();
    for (let round = 0; round < 2; round += 1) {
      expect(JSON.parse(await text(await startListing(url))).tasks).toHaveLength(TASKS);
    }
  });

  test('of a stalled reply are released once another request waits, and not before', async () => {
    const { url } = await withLimits({ maxReplyBytes: TWO, stalledReaderMs: 100, queueTimeoutMs: 60_000 });
    const still = [await startListing(url), await startListing(url)];
    expect(JSON.parse(await text(await startListing(url))).tasks).toHaveLength(TASKS);
    const outcomes = await Promise.allSettled(still.map((response) => text(response)));
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });
});

test('a listing whose reader is slow, but does not stand still, is not cut for one that waits', async () => {
  const { url, port } = await withLimits({
    maxReplyBytes: ONE,
    queueTimeoutMs: 60_000,
    operationTimeoutMs: 60_000,
  });
  const slow = await dial(port);
  slow.write('GET /api/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(slow, 'readable');
  const waiting = startListing(url);
  // 400 kB a second, of which the service hears every few seconds.
  for (let round = 0; round < 60; round += 1) {
    slow.read(Math.min(40_000, slow.readableLength));
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    expect(slow.errored).toBe(null);
  }
  slow.destroy();
  expect(JSON.parse(await text(await waiting)).tasks).toHaveLength(TASKS);
});

describe('the database', () => {
  const read = (url: string, limit = 1) => checkedFetch(`${url}/api/tasks?limit=${limit}`);

  async function behindProxy(others: Partial<Limits>) {
    // Where a test's limits are narrow, an upgrade at the start would exceed them.
    await upgrade(service.collections);
    const proxy = await startProxy(service.uri);
    opened.push(proxy);
    const settings = { uri: proxy.uri, name: service.db.databaseName, dataDir: service.dataDir };
    const options = boundsOf(limitsWith(others));
    const database = await openDatabase(settings, pino({ level: 'silent' }), options);
    opened.push(database);
    return { proxy, listener: await withLimits(others, database.collections) };
  }

  test('has no more connections than its pool, and who waits for one too long is told', async () => {
    const { proxy, listener } = await behindProxy({
      databasePoolSize: 1,
      queueTimeoutMs: 200,
      operationTimeoutMs: 60_000,
    });
    expect((await read(listener.url)).status).toBe(200);
    proxy.delayAnswer('find');
    const asked = proxy.sent().length;
    const held = read(listener.url);
    while (!proxy.sent().slice(asked).includes('find\0')) await new Promise(setImmediate);
    // Another page: who asks the same waits for the same answer.
    expect(await codeOf(await read(listener.url, 2))).toEqual([503, 'database_unavailable']);
    expect(listener.lines.find(({ msg }) => msg === 'database too slow')).toMatchObject({
      err: { message: expect.stringContaining('checking out a connection') },
    });
    proxy.resume();
    expect((await held).status).toBe(200);
  });

  test('that takes too long for one answer is not waited for', async () => {
    const { proxy, listener } = await behindProxy({ operationTimeoutMs: 500 });
    proxy.stall();
    const slow = await read(listener.url);
    expect(slow.headers.get('retry-after')).toMatch(SOON);
    expect(await codeOf(slow)).toEqual([503, 'database_unavailable']);
    proxy.resume();
  });

  test('that is slow at each of several answers is not waited for either, and a write may still be made', async () => {
    const { proxy, listener } = await behindProxy({ operationTimeoutMs: 1_000 });
    expect((await read(listener.url)).status).toBe(200);
    proxy.slowDown(400);
    const body = {
      title: 'Slow',
      prompt: 'p',
      schedule: '0 9 * * 4',
      account_id: ACCOUNT,
      artist_account_id: ARTIST,
    };
    const response = await checkedFetch(`${listener.url}/api/tasks`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'slow' },
      body: JSON.stringify(body),
    });
    const { error, code } = await response.json();
    expect([response.status, code]).toEqual([503, 'database_unavailable']);
    expect(error).toContain('did not answer in time');
    expect(error).toContain('may or may not have been applied');
    proxy.slowDown(0);
    const answered = { reply: { $exists: true } };
    while (!(await service.collections.idempotency_keys.findOne(answered))) await new Promise(setImmediate);
    expect(await countOf(service.collections.tasks, { title: 'Slow' })).toBe(1);
    expect((await read(listener.url)).status).toBe(200);
    expect(listener.lines.filter(({ msg }) => msg === 'request failed')).toEqual([]);
  });
});

test('how fast a body comes does not count as the time of the database', async () => {
  const { port } = await withLimits({ operationTimeoutMs: 300 });
  const socket = await dial(port);
  const body = JSON.stringify({ id: '7b2f9a40-1c58-4d1e-9f3a-5e6d7c8b9a01' });
  socket.write(
    `DELETE /api/tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  // Longer than the limit: the time itself is what is tried here.
  await new Promise((resolve) => {
    setTimeout(resolve, 600);
  });
  socket.write(body);
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 404 /);
});
