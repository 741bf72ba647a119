/** Settings of the process take effect: each one here is far from its default. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type Socket, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { checkedFetch } from '../support/contract.ts';
import { endedInTime, killAll, runCommand, runProgram, runService } from '../support/process.ts';
import { startProxy } from '../support/proxy.ts';
import { openTestDatabase } from '../support/service.ts';

const SETTINGS = {
  AUTH: 'required',
  RATE_LIMIT_PER_KEY: '3',
  RATE_LIMIT_PER_ADDRESS: '5',
  TRUST_PROXY: '1',
  CORS_ORIGINS: 'https://tasks.example',
  KEEP_ALIVE_TIMEOUT_MS: '3000',
  MAX_CONNECTIONS: '4',
};
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
  const { stdout } = await runCommand('keys', environment, args).ended;
  const headers = { 'x-api-key': stdout.trim(), 'x-forwarded-for': `192.0.2.${callers}` };
  return (pathAndQuery: string, init: RequestInit = {}) =>
    checkedFetch(`${service.url}${pathAndQuery}`, { ...init, headers: { ...headers, ...init.headers } });
}

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

  test('lets the pages of its origins ask, and says how long a connection is kept', async () => {
    const ask = await newCaller();
    const response = await ask('/health/live', { headers: { Origin: 'https://tasks.example' } });
    expect(response.headers.get('access-control-allow-origin')).toBe('https://tasks.example');
    expect(response.headers.get('keep-alive')).toBe('timeout=3');
  });

  test('takes as many connections as it is told: the one that has waited longest makes room', async () => {
    const first = open();
    const second = open();
    for (let more = 0; more < 3; more += 1) open();
    // Not by the end of its time, which would close them all.
    await once(first.resume(), 'close');
    second.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    expect(await text(second)).toContain('200 OK');
  });
});

test('a .env file with a byte order mark is read, and a warning names its unknown settings', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'recoup-env-'));
  await writeFile(join(folder, '.env'), '\uFEFFPORT=0\nLOG_LEVEL=info\nSAMPLE_DAT=off\nSAMPLE_DATA=off\n');
  const variables = { DATA_DIR: join(folder, 'data'), MONGODB_URL: 'mongodb://127.0.0.1' };
  const started = runProgram(process.execPath, [resolve('dist/src/main.js')], variables, folder);
  try {
    const log = await started.printed('"msg":"listening"');
    expect(log).toContain('"names":["MONGODB_URL","SAMPLE_DAT"]');
    // Port 3000 would mean that the first line was not understood.
    expect(log).not.toContain(':3000"');
    expect(log).not.toContain('loaded sample data');
    expect(await endedInTime(started)).toMatchObject({ code: 0, stderr: '' });
  } finally {
    started.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
});

test('variables of OpenTelemetry in a .env file reach its exporter', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'recoup-env-'));
  const received: unknown[] = [];
  const collector = createServer(({ url, headers }, response) => {
    received.push([url, headers['x-tenant']]);
    response.end();
  });
  await once(collector.listen(0, '127.0.0.1'), 'listening');
  const address = collector.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const lines = [
    `OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:${port}`,
    'OTEL_EXPORTER_OTLP_HEADERS="x-tenant=a"',
  ];
  await writeFile(join(folder, '.env'), lines.join('\n'));
  const variables = { PORT: '0', DATA_DIR: join(folder, 'data'), SAMPLE_DATA: 'off' };
  const started = runProgram(process.execPath, [resolve('dist/src/main.js')], variables, folder);
  try {
    const log = await started.printed('"msg":"listening"');
    await fetch(`${/"url":"([^"]+)"/.exec(log)?.[1]}/api/tasks`);
    // The process sends its traces before it ends.
    expect(await endedInTime(started)).toMatchObject({ code: 0, stderr: '' });
    expect(received).toEqual([['/v1/traces', 'a']]);
  } finally {
    started.kill('SIGKILL');
    collector.close();
    await rm(folder, { recursive: true });
  }
});

test('a .env that is a folder stops the start with a message that names it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'recoup-env-'));
  await mkdir(join(folder, '.env'));
  const { code, stderr } = await runProgram(process.execPath, [resolve('dist/src/main.js')], {}, folder)
    .ended;
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(/^Invalid settings:\n  \.env cannot be read: .*\n$/),
  });
  await rm(folder, { recursive: true });
});
