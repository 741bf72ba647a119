/** That what is set for the process reaches what it is for: each setting here is far from its default. */
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { checkedFetch } from './support/contract.ts';
import { endedInTime, killAll, run, runService } from './support/process.ts';
import { startProxy } from './support/proxy.ts';
import { openTestDatabase } from './support/service.ts';

const SETTINGS = {
  AUTH: 'required',
  RATE_LIMIT_PER_KEY: '3',
  RATE_LIMIT_PER_ADDRESS: '5',
  TRUST_PROXY: '1',
  CORS_ORIGINS: 'https://tasks.example',
  HEADERS_TIMEOUT_MS: '1000',
  REQUEST_TIMEOUT_MS: '2000',
  KEEP_ALIVE_TIMEOUT_MS: '3000',
  MAX_HEADER_BYTES: '2048',
  MAX_URL_BYTES: '1024',
  MAX_BODY_BYTES: '1500',
  MAX_JSON_DEPTH: '3',
  MAX_CONNECTIONS: '4',
  DATABASE_POOL_SIZE: '1',
  QUEUE_TIMEOUT_MS: '200',
};
/** What comes within its own time came sooner than by default, which is ten seconds for headers and thirty for a request. */
const HEADERS_BY_MS = 9_000;
const REQUEST_BY_MS = 20_000;

let database: Awaited<ReturnType<typeof openTestDatabase>>;
let proxy: Awaited<ReturnType<typeof startProxy>>;
let environment: Record<string, string>;
let service: Awaited<ReturnType<typeof runService>>;
let callers = 0;
const sockets: Socket[] = [];

beforeAll(async () => {
  database = await openTestDatabase();
  proxy = await startProxy(database.uri);
  environment = { MONGODB_URI: proxy.uri, MONGODB_DATABASE: database.name };
  service = await runService({ ...environment, ...SETTINGS });
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(async () => {
  expect(await endedInTime(service)).toMatchObject({ code: 0, stderr: '' });
  killAll();
  await proxy.close();
  await database.close();
});

/** A caller of his own address, with a key of his own, of whom nothing has been counted. */
async function newCaller() {
  callers += 1;
  const args = ['create', '--name', `caller ${callers}`, '--admin'];
  const { stdout } = await run('scripts/keys.js', environment, args).ended;
  const headers = { 'x-api-key': stdout.trim(), 'x-forwarded-for': `192.0.2.${callers}` };
  return (pathAndQuery: string, init: RequestInit = {}) =>
    checkedFetch(`${service.url}${pathAndQuery}`, { ...init, headers: { ...headers, ...init.headers } });
}
type Caller = Awaited<ReturnType<typeof newCaller>>;

const times = async (count: number, ask: () => Promise<Response>) => {
  const statuses: number[] = [];
  for (let time = 0; time < count; time += 1) statuses.push((await ask()).status);
  return statuses;
};

function open(): Socket {
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  sockets.push(socket);
  return socket;
}

describe('a process with settings of its own', () => {
  test('counts by key and by address, which a proxy tells', async () => {
    const ask = await newCaller();
    expect(await times(4, () => ask('/api/tasks?limit=1'))).toEqual([200, 200, 200, 429]);
    const stranger = { 'x-api-key': 'no key' };
    expect(await times(2, () => ask('/api/tasks', { headers: stranger }))).toEqual([401, 429]);
    const other = await newCaller();
    expect(await times(1, () => other('/api/tasks?limit=1'))).toEqual([200]);
  });

  const body = (value: unknown): RequestInit => ({
    method: 'POST',
    body: JSON.stringify(value),
    headers: { 'Content-Type': 'application/json' },
  });
  test.each<[string, number, (ask: Caller) => Promise<Response>]>([
    ['the length of a URL', 414, (ask) => ask(`/api/tasks?x=${'x'.repeat(1_024)}`)],
    ['the length of headers', 431, (ask) => ask('/api/tasks', { headers: { 'x-long': 'x'.repeat(2_048) } })],
    ['the length of a body', 413, (ask) => ask('/api/tasks', body({ title: 'x'.repeat(1_500) }))],
    ['the depth of a body', 400, (ask) => ask('/api/tasks', body({ title: [[[['deep']]]] }))],
  ])('bounds %s', async (what, status, request) => {
    const response = await request(await newCaller());
    expect(response.status).toBe(status);
    if (what.includes('depth')) expect((await response.json()).code).toBe('malformed_body');
  });

  test('lets the pages of its origins ask, and says how long a connection is kept', async () => {
    const ask = await newCaller();
    const response = await ask('/health/live', { headers: { Origin: 'https://tasks.example' } });
    expect(response.headers.get('access-control-allow-origin')).toBe('https://tasks.example');
    expect(response.headers.get('keep-alive')).toBe('timeout=3');
  });

  test(
    'waits for headers as long as it is told',
    async () => {
      const socket = open();
      socket.write('GET /health/live HTTP/1.1\r\n');
      expect(await text(socket)).toContain('request_timeout');
    },
    HEADERS_BY_MS,
  );

  test(
    'waits for a body as long as it is told',
    async () => {
      const socket = open();
      socket.write('POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{');
      expect(await text(socket)).toContain('missing_credentials');
    },
    REQUEST_BY_MS,
  );

  test('takes as many connections as it is told: the one that has waited longest makes room', async () => {
    const first = open();
    const second = open();
    for (let more = 0; more < 3; more += 1) open();
    // Not by the end of its time, which would close them all.
    await once(first.resume(), 'close');
    second.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    expect(await text(second)).toContain('200 OK');
  });

  test('has as many connections to its database as it is told, and waits for one as long', async () => {
    const ask = await newCaller();
    expect((await ask('/api/tasks?limit=1')).status).toBe(200);
    proxy.delayAnswer('find');
    const asked = proxy.sent().length;
    const first = ask('/api/tasks?limit=1');
    while (!proxy.sent().slice(asked).includes('find\0')) await new Promise(setImmediate);
    expect((await ask('/api/tasks/runs?limit=1')).status).toBe(503);
    proxy.resume();
    expect((await first).status).toBe(200);
  });
});
