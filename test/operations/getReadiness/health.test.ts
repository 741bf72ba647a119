import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { request as httpRequest } from 'node:http';
import { once } from 'node:events';
import { pino } from 'pino';
import { getLiveness, getReadiness } from '../../../generated/sdk.gen.ts';
import { type Database, openDatabase } from '../../../src/store/open-store.ts';
import { checkedFetch } from '../../support/contract.ts';
import { startProxy } from '../../support/proxy.ts';
import { NOW, type Service, listenOn, startService } from '../../support/service.ts';
import { SOON } from '../../support/retry-after.ts';

let service: Service;
let proxy: Awaited<ReturnType<typeof startProxy>>;
let behindProxy: Database;

beforeAll(async () => {
  service = await startService('required');
  proxy = await startProxy(service.uri);
  const settings = { uri: proxy.uri, name: service.db.databaseName, dataDir: service.dataDir };
  behindProxy = await openDatabase(settings, pino({ level: 'silent' }), {
    // What is bounded here is bounded by the service itself.
    socketTimeoutMS: 600_000,
    heartbeatFrequencyMS: 600_000,
  });
});
afterAll(async () => {
  await behindProxy.close();
  await proxy.close();
  await service.close();
});
beforeEach(() => {
  service.commands.started.length = 0;
  service.lines.length = 0;
});

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  proxy.resume();
  proxy.restore();
  for (const listener of opened.splice(0)) await listener.close();
});

/** The service, closed after the test. */
const listening: typeof listenOn = async (...of) => {
  const listener = await listenOn(...of);
  opened.push(listener);
  return listener;
};

const later = (ms: number) => new Date(service.clock.now.getTime() + ms);

describe('health', () => {
  test.each([
    [{}, {}],
    [{ problem: undefined }, {}],
    [{ problem: 'x'.repeat(2_000) }, { problem: 'x'.repeat(1_000) }],
  ])('shows the problem of the engine, if it has one', async (state, shown) => {
    const engineState = () => ({ kind: 'trigger', live: true, ...state });
    const { client } = await listening(service.collections, () => NOW, 'none', { engineState });
    const { data, error } = await getReadiness({ client });
    expect(error).toBeUndefined();
    expect(data).toEqual({ status: 'ready', engine: { kind: 'trigger', state: 'active', ...shown } });
  });

  test('is told without a key, and kept by no cache', async () => {
    const live = await getLiveness({ client: service.client, throwOnError: true });
    expect(live.data).toEqual({ status: 'live' });
    const ready = await getReadiness({ client: service.client, throwOnError: true });
    expect(ready.data).toEqual({ status: 'ready' });
    for (const { response } of [live, ready]) expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test.each(['/health/live', '/health/ready'])('%s is told to HEAD too', async (path) => {
    const response = await service.request(path, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.text()).toBe('');
  });

  test('leaves no line in the log, however often it is asked', async () => {
    for (let time = 0; time < 3; time += 1) await service.request('/health/ready');
    expect(service.lines).toEqual([]);
  });

  test('costs the database one question a second, however many ask', async () => {
    service.clock.now = later(1_000);
    const replies = await Promise.all(Array.from({ length: 50 }, () => service.request('/health/ready')));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    await service.request('/health/ready');
    expect(service.commands.started).toHaveLength(1);
    service.clock.now = later(1_000);
    await service.request('/health/ready');
    expect(service.commands.started).toHaveLength(2);
  });

  test('where no key is asked for, is told to those who call the machine by another name', async () => {
    const listener = await listening(service.collections, () => NOW);
    const statusOf = async (path: string) => {
      const request = httpRequest(`${listener.url}${path}`, { headers: { Host: '10.0.0.7:3000' } }).end();
      const [response] = await once(request, 'response');
      response.resume();
      return response.statusCode;
    };
    expect(await statusOf('/health/ready')).toBe(200);
    expect(await statusOf('/health/live')).toBe(200);
    expect(await statusOf('/api/tasks')).toBe(403);
  });
});

/** The readiness of a service whose clock is real, and its liveness all the while. */
async function readinessOf(url: string) {
  const ready = await checkedFetch(`${url}/health/ready`);
  expect((await checkedFetch(`${url}/health/live`)).status).toBe(200);
  const { status, code } = await ready.json();
  return { http: ready.status, says: code ?? status, retryAfter: ready.headers.get('retry-after') };
}

/** Resolves when readiness is as expected: the service finds out by itself. */
async function becomes(url: string, says: string) {
  for (;;) {
    const found = await readinessOf(url);
    if (found.says === says) return found;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

describe('a service', () => {
  test('is not ready while it starts, nor when it is about to end, though it answers', async () => {
    const listener = await listening(service.collections, () => NOW, 'none', { started: false });
    expect(await readinessOf(listener.url)).toEqual({
      http: 503,
      says: 'not_ready',
      retryAfter: expect.stringMatching(SOON),
    });
    listener.readiness.started();
    expect(await readinessOf(listener.url)).toEqual({ http: 200, says: 'ready', retryAfter: null });
    listener.readiness.ending();
    expect(await readinessOf(listener.url)).toEqual({
      http: 503,
      says: 'not_ready',
      retryAfter: expect.stringMatching(SOON),
    });
    expect((await checkedFetch(`${listener.url}/api/tasks`)).status).toBe(200);
  });

  test('is not ready while its database cannot be reached, lives all the same, and is ready again by itself', async () => {
    const listener = await listening(behindProxy.collections, () => new Date());
    expect(await readinessOf(listener.url)).toMatchObject({ says: 'ready' });
    proxy.cut();
    expect(await becomes(listener.url, 'database_unavailable')).toMatchObject({
      http: 503,
      retryAfter: expect.stringMatching(SOON),
    });
    proxy.restore();
    expect(await becomes(listener.url, 'ready')).toMatchObject({ http: 200 });
  });

  test('is not ready while its database stands still, of which one question waits, not one a probe', async () => {
    const clock = { now: NOW.getTime() };
    const listener = await listening(behindProxy.collections, () => new Date(clock.now));
    // A connection to ask on.
    expect(await readinessOf(listener.url)).toMatchObject({ says: 'ready' });
    clock.now += 1_000;
    proxy.delayAnswer('find');
    const asked = proxy.sent().length;
    for (let time = 0; time < 5; time += 1) {
      expect(await readinessOf(listener.url)).toMatchObject({ http: 503, says: 'database_unavailable' });
      clock.now += 1_000;
    }
    expect(proxy.sent().slice(asked).split('find\0')).toHaveLength(2);
    proxy.resume();
    while ((await readinessOf(listener.url)).says !== 'ready') clock.now += 1_000;
  });
});
