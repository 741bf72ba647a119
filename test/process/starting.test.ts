/** How the service starts as a process where its database lets it wait, and how such a start ends. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals';
import { checkedFetch } from '../support/contract.ts';
import { endedInTime, killAll, run, runService } from '../support/process.ts';
import { startProxy } from '../support/proxy.ts';
import { openTestDatabase } from '../support/service.ts';
import { SOON } from '../support/retry-after.ts';

let database: Awaited<ReturnType<typeof openTestDatabase>>;
let proxy: Awaited<ReturnType<typeof startProxy>>;
let environment: Record<string, string>;

beforeEach(async () => {
  database = await openTestDatabase();
  proxy = await startProxy(database.uri);
  environment = { MONGODB_URI: proxy.uri, MONGODB_DATABASE: database.name };
});
afterEach(async () => {
  killAll();
  await proxy.close();
  await database.close();
});
afterAll(killAll);

/** Resolves when the service is ready, which it finds out by itself. */
async function becomesReady(url: string) {
  while ((await checkedFetch(`${url}/health/ready`)).status !== 200) await pause(50);
}

test('while indexes are built, lives, is not ready, refuses what it is asked for, and then serves', async () => {
  proxy.delayAnswer('createIndexes');
  const service = await runService(environment);
  expect(
    await service.printed('until it is ready, requests to /api, /mcp and /health/ready get 503'),
  ).not.toContain('opened the database');
  expect(
    await Promise.all(['/', '/docs'].map(async (path) => (await fetch(`${service.url}${path}`)).status)),
  ).toEqual([200, 200]);
  const asked = async (path: string) => {
    const response = await checkedFetch(`${service.url}${path}`);
    const { code } = await response.json();
    return [response.status, code, response.headers.get('retry-after')];
  };
  expect(await asked('/health/live')).toEqual([200, undefined, null]);
  expect(await asked('/health/ready')).toEqual([503, 'not_ready', expect.stringMatching(SOON)]);
  for (const path of ['/api/tasks', '/api/tasks/runs'])
    expect(await asked(path)).toEqual([503, 'database_unavailable', expect.stringMatching(SOON)]);
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };
  const toMcp = { method: 'POST', headers, body: JSON.stringify(message) };
  expect((await fetch(`${service.url}/mcp`, toMcp)).status).toBe(503);
  proxy.resume();
  await becomesReady(service.url);
  expect(await asked('/api/tasks')).toEqual([200, undefined, null]);
  expect(await endedInTime(service)).toMatchObject({ code: 0, signal: null, stderr: '' });
});

test('while it looks for an upgrade to do, and while it warms up, is not ready', async () => {
  // With the mark of the upgrade, its look-up is the only find before the warm-up.
  await database.collections.upgrades.insertOne({ _id: 'runs_filed_under_owners' });
  proxy.delayAnswer('find');
  const service = await runService({ ...environment, MONGODB_URI: `${proxy.uri}&socketTimeoutMS=60000` });
  const isNotReady = async () => {
    const ready = await checkedFetch(`${service.url}/health/ready`);
    expect([ready.status, (await ready.json()).code]).toEqual([503, 'not_ready']);
  };
  expect(await service.printed('still being prepared')).not.toContain('opened the database');
  await isNotReady();
  // It waits for this answer alone, on one of its connections.
  proxy.delayAnswer('find');
  proxy.resume();
  await service.printed('opened the database');
  await isNotReady();
  proxy.resume();
  await becomesReady(service.url);
  expect(await endedInTime(service)).toMatchObject({ code: 0, signal: null, stderr: '' });
});

test.each([
  ['before it listens', 'createIndexes'],
  ['when it listens', 'still being prepared'],
])('told to end while indexes are built, %s, ends in time', async (_when, text) => {
  proxy.delayAnswer('createIndexes');
  const service = run('src/main.js', { PORT: '0', ...environment });
  if (text === 'createIndexes') {
    while (!proxy.sent().includes(text)) await new Promise(setImmediate);
  } else await service.printed(text);
  expect(await endedInTime(service)).toMatchObject({ code: 0, signal: null, stderr: '' });
});

test('that loses its database while it looks for keys, waits for it, and serves when it is back', async () => {
  proxy.cutAt('find\0\x09\0\0\0api_keys\0');
  const service = await runService({ ...environment, AUTH: 'required' });
  const log = await service.printed('waiting for the database');
  expect(log).toContain('opened the database');
  expect((await checkedFetch(`${service.url}/api/tasks`)).status).toBe(503);
  proxy.restore();
  await service.printed('there is no valid API key');
  await becomesReady(service.url);
  expect((await checkedFetch(`${service.url}/api/tasks`)).status).toBe(401);
  expect(await endedInTime(service)).toMatchObject({ code: 0, signal: null, stderr: '' });
});
