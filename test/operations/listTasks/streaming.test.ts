import { once } from 'node:events';
import { type IncomingMessage, get } from 'node:http';
import { type Socket, connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { type TasksResponse } from '../../../generated/types.gen.ts';
import { type Database, openDatabase } from '../../../src/store/open-store.ts';
import { run, task, uuid } from '../../support/builders.ts';
import { assertContract } from '../../support/contract.ts';
import { startProxy } from '../../support/proxy.ts';
import { NOW, type Service, listenOn, startService } from '../../support/service.ts';

/** Several batches, and many times what the buffers between service and client hold. */
const TASKS = 2_500;
const PROMPT = 'Write a caption. '.repeat(1_000);

let service: Service;
let proxy: Awaited<ReturnType<typeof startProxy>>;
let behindProxy: Database;
let listener: Awaited<ReturnType<typeof listenOn>>;

beforeAll(async () => {
  service = await startService();
  for (let start = 0; start < TASKS; start += 500) {
    const numbers = Array.from({ length: 500 }, (_, index) => start + index);
    await service.collections.tasks.insertMany(numbers.map((number) => task(number, { prompt: PROMPT })));
  }
  await service.runs.recordRuns(uuid(3), [run(1)]);
  proxy = await startProxy(service.uri);
  const settings = { uri: proxy.uri, name: service.db.databaseName, dataDir: service.dataDir };
  behindProxy = await openDatabase(settings, pino({ level: 'silent' }));
  listener = await listenOn(behindProxy.collections, () => NOW);
});
afterAll(async () => {
  await listener.close();
  await behindProxy.close();
  await proxy.close();
  await service.close();
});
beforeEach(() => {
  service.commands.started.length = 0;
  service.lines.length = 0;
  listener.lines.length = 0;
});

/** How often tasks were read. */
const reads = () =>
  service.commands.started.filter(
    ({ commandName, command }) => commandName === 'find' && command.find === 'tasks',
  ).length;
/** Of each thousand the versions, then a hundred tasks at a time, and of the first hundred five by themselves. */
const READS_OF_ALL = 3 + TASKS / 100 + 1;

/** A request whose reply the client has not begun to read. */
async function ask(url: string, method = 'GET'): Promise<IncomingMessage> {
  const request = get(`${url}/api/tasks`, { method, agent: false });
  const [response]: IncomingMessage[] = await once(request, 'response');
  if (!response) throw new Error('There is no response.');
  request.on('error', () => undefined); // the response has it too
  return response;
}

async function readAll(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}

/** Resolves with the service's log line of a request. */
async function logged(lines: Record<string, unknown>[]): Promise<Record<string, unknown>> {
  for (;;) {
    const line = lines.find(({ msg }) => msg === 'request');
    if (line) return line;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

test('a long listing is whole, in order and as the spec says, without a length', async () => {
  const response = await ask(service.url);
  const text = await readAll(response);
  const headers = new Headers(
    Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)]),
  );
  assertContract({ method: 'GET', path: '/api/tasks', status: response.statusCode ?? 0, headers, text });
  const { status, tasks }: TasksResponse = JSON.parse(text);
  expect(status).toBe('success');
  expect(tasks.map(({ id }) => id)).toEqual(
    Array.from({ length: TASKS }, (_, index) => uuid(TASKS - 1 - index)),
  );
  expect(tasks.at(-4)?.recent_runs.map(({ id }) => id)).toEqual(['run_000001']);
  expect(response.headers['content-length']).toBeUndefined();
  expect(response.headers['transfer-encoding']).toBe('chunked');
  expect(await logged(service.lines)).toMatchObject({ status: 200 });
  expect(await logged(service.lines)).not.toHaveProperty('aborted');
});

test('a listing of no more than a thousand tasks has its length', async () => {
  const headers = { 'Accept-Encoding': 'identity' };
  const response = await service.request(`/api/tasks?id=${uuid(7)}`, { headers });
  const { tasks }: TasksResponse = JSON.parse(await response.clone().text());
  expect(tasks).toHaveLength(1);
  expect(response.headers.get('content-length')).toBe(String((await response.arrayBuffer()).byteLength));
});

test('while a client does not read, the service does not read on', async () => {
  const still = await ask(service.url);
  const ofStill = reads();
  await readAll(await ask(service.url));
  // What the connection's buffers hold may still have been read after the first count, but nowhere near the rest.
  expect(reads() - READS_OF_ALL).toBeLessThan(ofStill + READS_OF_ALL / 2);
  expect(JSON.parse(await readAll(still)).tasks).toHaveLength(TASKS);
});

test('a client that leaves ends the reading, and the log says that the reply broke off', async () => {
  const response = await ask(service.url);
  response.destroy();
  const line = await logged(service.lines);
  await readAll(await ask(service.url));
  // What was under way when it left ends; nothing new begins, however long the other one took.
  expect(reads() - READS_OF_ALL).toBeLessThan(READS_OF_ALL / 2);
  expect(line).toMatchObject({ operation: 'listTasks', status: 200, aborted: true });
  expect(service.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
});

test('a client that leaves before the first byte is no failure of the service', async () => {
  let left = Promise.resolve();
  const accounts = new Proxy(service.collections.accounts, {
    // The last of the queries that come before the first byte.
    get: () => () => ({ toArray: () => left.then(() => []) }),
  });
  const other = await listenOn({ ...service.collections, accounts }, () => NOW);
  try {
    other.server.once('request', (_request, response) => {
      left = once(response, 'close').then(() => undefined);
      request.destroy();
    });
    const request = get(`${other.url}/api/tasks`, { agent: false });
    await once(request, 'error');
    expect(await logged(other.lines)).toMatchObject({ operation: 'listTasks', aborted: true });
    // Whatever is still to be said of that one is said before this one ends.
    expect(JSON.parse(await readAll(await ask(other.url))).tasks).toHaveLength(TASKS);
    expect(other.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  } finally {
    await other.close();
  }
});

test('HEAD of a long listing has no body and reads no further than its first bytes', async () => {
  const response = await ask(service.url, 'HEAD');
  expect(await readAll(response)).toBe('');
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(response.headers['content-length']).toBeUndefined();
  expect(reads()).toBe(2);
});

/** Reads what comes on a socket until it ends, and with what. */
async function outcomeOf(socket: Socket): Promise<string> {
  socket.resume();
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('end', () => resolve('end'));
  });
}

test('a failure in the middle cuts the connection, is logged, and the next listing works', async () => {
  const response = await ask(listener.url);
  await once(response, 'readable');
  proxy.cut();
  await expect(readAll(response)).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(listener.lines.find(({ msg }) => msg === 'database unavailable')).toMatchObject({
    level: 50,
    err: { type: expect.stringMatching(/^Mongo/) },
  });
  expect(await logged(listener.lines)).toMatchObject({ aborted: true });
  proxy.restore();
  expect(JSON.parse(await readAll(await ask(listener.url))).tasks).toHaveLength(TASKS);
});

test('nor does a client of HTTP/1.0 take it for the whole, though it knows the end by the end of the connection', async () => {
  const socket = connect(listener.port, '127.0.0.1');
  socket.write('GET /api/tasks HTTP/1.0\r\nHost: localhost\r\n\r\n');
  await once(socket, 'readable');
  proxy.cut();
  expect(await outcomeOf(socket)).toBe('ECONNRESET');
  proxy.restore();
});

test('a client that takes nothing for a minute is cut off', async () => {
  expect(service.server.timeout).toBe(60_000);
  service.server.timeout = 100;
  const still = connect(service.port, '127.0.0.1');
  try {
    still.write('GET /api/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(await logged(service.lines)).toMatchObject({ operation: 'listTasks', aborted: true });
  } finally {
    still.destroy();
    service.server.timeout = 60_000;
  }
});
