/** What missed its time limit is answered and logged by what took the time: the database, this process, a queue, a client. */
import { once } from 'node:events';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { setImmediate as yieldOnce, setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { probeOf } from '../../src/store/collections.ts';
import { boundsOf } from '../../src/database/connect.ts';
import { DatabaseTooSlow } from '../../src/database/failures.ts';
import { DatabaseWatch } from '../../src/database/watch.ts';
import { withItemTimeout } from '../../src/http/server/with-item-timeout.ts';
import type { Limits } from '../../src/config/limits.ts';
import { openDatabase } from '../../src/store/open-store.ts';
import { dial, hangUp } from '../support/connections.ts';
import { checkedFetch } from '../support/contract.ts';
import { addLargeListing } from '../support/large-listing.ts';
import { startProxy } from '../support/proxy.ts';
import { NOW, type Service, limitsWith, listenOn, memoryLog, startService } from '../support/service.ts';
import { SOON } from '../support/retry-after.ts';

const LIMIT_MS = 1_000;
/** So much longer than the limit that nearly all of the time until it is noticed was work. */
const BLOCKED_MS = 4 * LIMIT_MS;

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

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** The service behind a proxy to its database, with limits that are soon reached. */
async function behindProxy(others: Partial<Limits> = {}) {
  const proxy = await startProxy(service.uri);
  opened.push(proxy);
  const limits = limitsWith({ operationTimeoutMs: LIMIT_MS, ...others });
  const settings = { uri: proxy.uri, name: service.db.databaseName, dataDir: service.dataDir };
  const database = await openDatabase(settings, pino({ level: 'silent' }), boundsOf(limits));
  opened.push(database);
  const listener = await listenOn(database.collections, () => new Date(), 'none', { limits });
  opened.push(listener);
  const { url, port, lines } = listener;
  const messages = () => lines.map(({ msg }) => msg).filter((msg) => msg !== 'request');
  /** The log's line of a request that missed its time. */
  const lateLine = async () => {
    for (;;) {
      const line = lines.find(({ msg, code }) => msg === 'request' && code !== undefined);
      if (line) return line;
      await yieldOnce();
    }
  };
  return { proxy, database, url, port, messages, lateLine };
}

async function refusal(response: Response) {
  const { code, error } = await response.json();
  return { status: response.status, retryAfter: response.headers.get('retry-after'), code, error };
}

test('a database that stands still is named', async () => {
  const { proxy, url, messages, lateLine } = await behindProxy();
  proxy.stall();
  const refused = await refusal(await checkedFetch(`${url}/api/tasks?limit=1`));
  proxy.resume();
  expect(refused).toMatchObject({
    status: 503,
    retryAfter: expect.stringMatching(SOON),
    code: 'database_unavailable',
  });
  expect(refused.error).toContain('The database did not answer in time');
  expect(await lateLine()).toMatchObject({ code: 'database_unavailable', reason: refused.error });
  expect(messages()).toContain('database too slow');
});

test('a pool of connections that are all in use is named', async () => {
  const { proxy, url } = await behindProxy({ databasePoolSize: 1, queueTimeoutMs: 200 });
  await checkedFetch(`${url}/api/tasks?limit=1`);
  proxy.delayAnswer('find');
  const asked = proxy.sent().length;
  const held = checkedFetch(`${url}/api/tasks?limit=1`);
  while (!proxy.sent().slice(asked).includes('find\0')) await yieldOnce();
  const refused = await refusal(await checkedFetch(`${url}/api/tasks?limit=2`));
  expect(refused).toMatchObject({
    status: 503,
    retryAfter: expect.stringMatching(SOON),
    code: 'database_unavailable',
  });
  expect(refused.error).toContain('No database connection became free in time');
  proxy.resume();
  await held;
});

test('a process that is busy is named, and not its database', async () => {
  const { proxy, url, messages, lateLine } = await behindProxy();
  await checkedFetch(`${url}/api/tasks?limit=1`);
  const asked = proxy.sent().length;
  const reply = checkedFetch(`${url}/api/tasks?limit=2`);
  while (!proxy.sent().slice(asked).includes('find\0')) await yieldOnce();
  block(BLOCKED_MS);
  const refused = await refusal(await reply);
  expect(refused).toMatchObject({
    status: 503,
    retryAfter: expect.stringMatching(SOON),
    code: 'service_overloaded',
  });
  expect(refused.error).toContain(`its own work took longer than ${LIMIT_MS} ms`);
  expect(await lateLine()).toMatchObject({ level: 40, code: 'service_overloaded', reason: refused.error });
  // The driver's own time limits have passed as well.
  for (let round = 0; round < 3; round += 1) {
    expect((await checkedFetch(`${url}/api/tasks?limit=2`)).status).toBe(200);
  }
  expect(messages()).toEqual([]);
});

test('a process that is busy is named, and not the pool of connections', async () => {
  const { proxy, database, url, messages } = await behindProxy({
    databasePoolSize: 1,
    queueTimeoutMs: LIMIT_MS,
    operationTimeoutMs: 60_000,
  });
  await checkedFetch(`${url}/api/tasks?limit=1`);
  proxy.delayAnswer('find');
  const asked = proxy.sent().length;
  const held = checkedFetch(`${url}/api/tasks?limit=1`);
  while (!proxy.sent().slice(asked).includes('find\0')) await yieldOnce();
  const waits = once(database.client, 'connectionCheckOutStarted');
  const reply = checkedFetch(`${url}/api/tasks?limit=2`);
  await waits;
  block(BLOCKED_MS);
  expect(await refusal(await reply)).toMatchObject({ status: 503, code: 'service_overloaded' });
  proxy.resume();
  await held;
  expect(messages()).toEqual([]);
});

test('waiting for the bytes of replies is reported', async () => {
  const { url, messages, lateLine } = await behindProxy({
    // The first listing must begin in this time.
    operationTimeoutMs: 4 * LIMIT_MS,
    maxReplyBytes: 1,
    queueTimeoutMs: 60_000,
    stalledReaderMs: 60_000,
  });
  const [first] = await once(get(`${url}/api/tasks`, { agent: false }), 'response');
  expect(first.statusCode).toBe(200);
  const refused = await refusal(await checkedFetch(`${url}/api/tasks`));
  expect(refused).toMatchObject({ status: 503, retryAfter: expect.stringMatching(SOON), code: 'too_busy' });
  expect(refused.error).toContain('Too many replies');
  expect(await lateLine()).toMatchObject({ code: 'too_busy', reason: refused.error });
  first.destroy();
  expect(messages()).toEqual([]);
});

test('a client that sends its body slowly, or reads its reply slowly, is late for nobody', async () => {
  const { port, messages } = await behindProxy();
  const reader = await dial(port);
  reader.write('GET /api/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(reader, 'readable');
  const sender = await dial(port);
  const body = JSON.stringify({ id: '7b2f9a40-1c58-4d1e-9f3a-5e6d7c8b9a01' });
  sender.write(
    'DELETE /api/tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n' +
      `Content-Length: ${body.length}\r\n\r\n`,
  );
  await pause(2 * LIMIT_MS);
  sender.write(body);
  expect(await text(sender)).toMatch(/^HTTP\/1\.1 404 /);
  expect(reader.errored).toBe(null);
  expect(messages()).toEqual([]);
});

describe('an item of a listing under way that is late', () => {
  async function* items(work: () => unknown) {
    yield 'first';
    await yieldOnce();
    await work();
    yield 'second';
  }
  const read = async (work: () => unknown) => {
    const seen: string[] = [];
    for await (const item of withItemTimeout(items(work), 100)) seen.push(item);
    return seen;
  };

  test('names the database where the process waited', async () => {
    await expect(read(() => pause(400))).rejects.toThrow(DatabaseTooSlow);
  });

  test('names the process where it worked', async () => {
    const work = async () => {
      block(400);
      await pause(1);
    };
    await expect(read(work)).rejects.toMatchObject({ code: 'service_overloaded' });
  });
});

test('a database is not taken for unavailable while the process is too busy to read its answer', async () => {
  const { proxy, database } = await behindProxy();
  const { lines, log } = memoryLog();
  const watch = new DatabaseWatch({ probe: probeOf(database.collections), log, now: () => NOW });
  proxy.stall();
  const answer = watch.answers();
  block(BLOCKED_MS);
  expect(await answer).toBe(true);
  expect(lines).toEqual([]);
  watch.stop();
  proxy.resume();
});
