/** How the service ends as a process: told to, told twice, failing, and under load. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { openDatabase } from '../../src/store/open-store.ts';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT, task } from '../support/builders.ts';
import { killHard, spawnEngine } from '../embedded/support/processes.ts';
import { checkedFetch } from '../support/contract.ts';
import { isLong } from '../support/long.ts';
import { endedInTime, killAll, run, runService } from '../support/process.ts';
import { startProxy } from '../support/proxy.ts';
import { openTestDatabase } from '../support/service.ts';
import { SOON } from '../support/retry-after.ts';

const CLIENTS = 200;
/** Each starts a process; `npm run test:all` takes the time. */
const ROUNDS = isLong ? 10 : 3;
/** Several batches, so that a listing of all is a stream. */
const TASKS = 250;

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'recoup-ending-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));
afterAll(killAll);

const withDatabase = async <T>(use: (database: Awaited<ReturnType<typeof openDatabase>>) => Promise<T>) => {
  const settings = { uri: undefined, name: 'recoup', dataDir };
  const database = await openDatabase(settings, pino({ level: 'silent' }));
  try {
    return await use(database);
  } finally {
    await database.close();
  }
};

interface Outcome {
  kind: 'whole' | 'refused' | 'broken';
  status?: number;
  text: string;
}

/** One request: its whole reply, or that there was not a byte of one, or what is neither. */
async function ask(
  url: string,
  agent: Agent,
  { method = 'GET', path, body }: { method?: string; path: string; body?: unknown },
): Promise<Outcome> {
  let status: number | undefined;
  let text = '';
  try {
    const request = httpRequest(`${url}${path}`, { method, agent });
    if (body !== undefined) request.setHeader('Content-Type', 'application/json');
    request.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = await once(request, 'response');
    status = response.statusCode;
    for await (const chunk of response) text += chunk;
    JSON.parse(text);
    return { kind: 'whole', status, text };
  } catch (error) {
    const kind = status === undefined ? 'refused' : 'broken';
    return { kind, status, text: `${String(error)} after ${text.slice(-100)}` };
  }
}

const creation = (title: string) => ({
  method: 'POST',
  path: '/api/tasks',
  body: { title, prompt: 'p', schedule: '0 9 * * 4', account_id: ACCOUNT, artist_account_id: ARTIST },
});

/** Clients that ask one thing after the other until they are refused; what they got, and what they created or not. */
async function clientsOf(url: string, round: number, onReply: () => void) {
  const agent = new Agent({ keepAlive: true });
  const broken: Outcome[] = [];
  const created: string[] = [];
  const notCreated: string[] = [];
  const one = async (client: number) => {
    for (let count = 0; ; count += 1) {
      const title = `${round} ${client} ${count}`;
      const creates = client % 2 === 0;
      const path = client % 8 === 1 ? `/api/tasks?artist_account_id=${OTHER_ACCOUNT}` : '/api/tasks?limit=5';
      const outcome = await ask(url, agent, creates ? creation(title) : { path });
      if (outcome.kind === 'broken') broken.push(outcome);
      if (outcome.kind === 'whole' && outcome.status === 200 && creates) created.push(title);
      if (outcome.kind !== 'whole') {
        if (creates) notCreated.push(title);
        return;
      }
      if (![200, 503].includes(outcome.status ?? 0)) broken.push(outcome);
      onReply();
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, client) => one(client)));
  agent.destroy();
  return { broken, created, notCreated };
}

test(`told to end while ${CLIENTS} clients ask, ${ROUNDS} times, it gives each a whole reply, or refuses it before it has done anything`, async () => {
  await withDatabase(({ collections }) =>
    collections.tasks.insertMany(
      Array.from({ length: TASKS }, (_, number) => task(number, { artist_account_id: OTHER_ACCOUNT })),
    ),
  );
  const created: string[] = [];
  const notCreated: string[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const service = await runService({ DATA_DIR: dataDir, LOG_LEVEL: 'info', DRAIN_DELAY_MS: '100' });
    let replies = 0;
    const got = await clientsOf(service.url, round, () => {
      replies += 1;
      if (replies === 300) service.kill('SIGTERM');
    });
    expect(await service.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(got.broken).toEqual([]);
    expect(got.created.length).toBeGreaterThan(0);
    created.push(...got.created);
    notCreated.push(...got.notCreated);
  }
  const titles = await withDatabase(({ collections }) =>
    collections.tasks.find({ _id: { $exists: true } }, { projection: { title: 1 } }).toArray(),
  );
  const count = new Map<string, number>();
  for (const { title } of titles) count.set(title, (count.get(title) ?? 0) + 1);
  expect(created.filter((title) => count.get(title) !== 1)).toEqual([]);
  expect(notCreated.filter((title) => count.has(title))).toEqual([]);
}, 300_000);

/** A program that is loaded before the service, in its process. */
const before = (source: string) => ({
  NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(source)}`,
});

const statusOf = async (url: string, path: string) => (await checkedFetch(`${url}${path}`)).status;

/** On a busy machine, the service listens before it is ready; until then, it replies 503. */
async function runReadyService(environment: Record<string, string>) {
  const service = await runService(environment);
  while ((await statusOf(service.url, '/health/ready')) !== 200) await pause(50);
  return service;
}

/** Requests the tasks, and again if the service replies 503, as it does on a busy machine. */
async function listTasks(url: string, retries = 5): Promise<IncomingMessage> {
  const [response]: IncomingMessage[] = await once(httpRequest(`${url}/api/tasks`).end(), 'response');
  if (!response) throw new Error('no response');
  if (response.statusCode === 200) return response;
  const text = await readText(response);
  if (response.statusCode !== 503 || retries === 0) throw new Error(`${response.statusCode}: ${text}`);
  return listTasks(url, retries - 1);
}

describe('the service as a process', () => {
  test('while it ends, says that it is not ready, takes new connections, and closes each with its reply', async () => {
    const service = await runReadyService({ DATA_DIR: dataDir, DRAIN_DELAY_MS: '7000' });
    // Without a connection there would be nobody to tell.
    const idle = connect(Number(new URL(service.url).port), '127.0.0.1');
    await once(idle, 'connect');
    expect(await statusOf(service.url, '/health/ready')).toBe(200);
    service.kill('SIGTERM');
    await service.printed('"msg":"shutting down"');
    const ready = await checkedFetch(`${service.url}/health/ready`);
    expect(ready.status).toBe(503);
    expect((await ready.json()).code).toBe('not_ready');
    expect(ready.headers.get('connection')).toBe('close');
    expect(await statusOf(service.url, '/health/live')).toBe(200);
    expect(await statusOf(service.url, '/api/tasks?limit=1')).toBe(200);
    idle.destroy();
    expect(await service.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  });

  test.each<[NodeJS.Signals, NodeJS.Signals]>([
    ['SIGTERM', 'SIGTERM'],
    ['SIGTERM', 'SIGINT'],
    ['SIGINT', 'SIGTERM'],
  ])('told to end by %s, ends at once on a second signal, %s', async (first, second) => {
    const service = await runService({ DATA_DIR: dataDir, DRAIN_DELAY_MS: '7000' });
    const idle = connect(Number(new URL(service.url).port), '127.0.0.1');
    await once(idle, 'connect');
    service.kill(first);
    await service.printed('"msg":"shutting down"');
    service.kill(second);
    expect(await service.ended).toMatchObject({ code: null, signal: second });
    idle.destroy();
  });

  test('finishes a listing that is being read when it is told to end', async () => {
    await withDatabase(({ collections }) =>
      collections.tasks.insertMany(
        Array.from({ length: 1_000 }, (_, number) => task(number, { prompt: 'Write. '.repeat(1_000) })),
      ),
    );
    const service = await runReadyService({ DATA_DIR: dataDir });
    const response = await listTasks(service.url);
    await once(response, 'readable');
    service.kill('SIGTERM');
    await service.printed('"msg":"shutting down"');
    expect(JSON.parse(await readText(response)).tasks).toHaveLength(1_000);
    expect(await service.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  });

  test('ends within ten seconds, whatever a reader does that stands still', async () => {
    await withDatabase(({ collections }) =>
      collections.tasks.insertMany(
        Array.from({ length: 1_000 }, (_, number) => task(number, { prompt: 'Write. '.repeat(2_000) })),
      ),
    );
    const service = await runReadyService({ DATA_DIR: dataDir });
    const still = connect(Number(new URL(service.url).port), '127.0.0.1');
    still.on('error', () => undefined);
    still.write('GET /api/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(still, 'readable');
    expect(await endedInTime(service)).toMatchObject({ code: 0, signal: null, stderr: '' });
    still.destroy();
  });

  test('ends within ten seconds, as failed, where something that it does never ends', async () => {
    const service = await runService({ DATA_DIR: dataDir, ...before('setInterval(() => {}, 1_000)') });
    const outcome = await endedInTime(service);
    expect(outcome).toMatchObject({ code: 1, signal: null, stderr: '' });
    expect(outcome).toMatchObject({
      stdout: expect.stringContaining('shutdown took too long; exiting with work unfinished'),
    });
  });

  test.each([
    ['a rejection', "process.on('SIGUSR2', () => void Promise.reject(new Error('nobody minds')))"],
    ['an error', "process.on('SIGUSR2', () => { throw new Error('nobody minds'); })"],
  ])('that fails by %s which nobody handles, logs it, drains, and ends as failed', async (_what, source) => {
    const service = await runReadyService({ DATA_DIR: dataDir, DRAIN_DELAY_MS: '7000', ...before(source) });
    const idle = connect(Number(new URL(service.url).port), '127.0.0.1');
    await once(idle, 'connect');
    service.kill('SIGUSR2');
    const log = await service.printed('unexpected error');
    expect(log).toMatch(/"level":60[^\n]*nobody minds/);
    expect(await statusOf(service.url, '/health/ready')).toBe(503);
    expect(await statusOf(service.url, '/api/tasks?limit=1')).toBe(200);
    idle.destroy();
    expect(await service.ended).toMatchObject({ code: 1, signal: null, stderr: '' });
  });

  test('started before its database, says so once, answers 503 meanwhile, and is ready when it appears', async () => {
    const first = await spawnEngine(dataDir);
    const uri = String(first.uri);
    first.process.kill('SIGKILL');
    await once(first.process, 'exit');
    const service = await runService({ MONGODB_URI: uri });
    const log = await service.printed('waiting for the database');
    expect(log).not.toContain('opened the database');
    expect(await statusOf(service.url, '/health/live')).toBe(200);
    for (const path of ['/health/ready', '/api/tasks', '/api/tasks/runs']) {
      const response = await checkedFetch(`${service.url}${path}`);
      expect([path, response.status, (await response.json()).code]).toEqual([
        path,
        503,
        'database_unavailable',
      ]);
      expect(response.headers.get('retry-after')).toMatch(SOON);
    }
    const engine = await spawnEngine(dataDir);
    expect(engine.uri).toBe(uri);
    while ((await statusOf(service.url, '/health/ready')) !== 200)
      await service.printed('opened the database');
    const all = await service.printed('database available again');
    expect(all.split('database unavailable')).toHaveLength(2);
    expect(all.split('waiting for the database')).toHaveLength(2);
    expect(await statusOf(service.url, '/api/tasks')).toBe(200);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0, stderr: '' });
    await killHard(engine);
  });

  test('ends though its database stands still', async () => {
    const engine = await spawnEngine(dataDir);
    const service = await runService({ MONGODB_URI: String(engine.uri) });
    engine.process.kill('SIGSTOP');
    const waiting = checkedFetch(`${service.url}/api/tasks`);
    // It came first, so that it is in flight when these have been answered.
    for (let time = 0; time < 5; time += 1) expect(await statusOf(service.url, '/health/live')).toBe(200);
    service.kill('SIGTERM');
    expect((await waiting).status).toBe(503);
    expect(await service.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    engine.process.kill('SIGKILL');
    await once(engine.process, 'exit');
  });

  test('does not wait for a database that refuses it, and says why', async () => {
    const database = await openTestDatabase();
    const proxy = await startProxy(database.uri);
    try {
      const no = { ok: 0, code: 13, codeName: 'Unauthorized', errmsg: 'you may not do that' };
      proxy.answerInstead('createIndexes', no);
      const { code, stderr } = await run('src/main.js', { PORT: '0', MONGODB_URI: proxy.uri }).ended;
      expect(code).toBe(1);
      expect(stderr).toBe('The database cannot be used: you may not do that\n');
    } finally {
      await proxy.close();
      await database.close();
    }
  });

  test('that waits for its database can be told to end', async () => {
    const service = await runService({ MONGODB_URI: 'mongodb://127.0.0.1:9/' });
    await service.printed('waiting for the database');
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  });
});
