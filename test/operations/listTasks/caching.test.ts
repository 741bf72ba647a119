/** What a listing keeps in memory, and that nobody can tell from the replies, but for conditional requests. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ObjectId } from 'mongodb';
import { createTask, deleteTask, listTasks, recordRuns, updateTask } from '../../../generated/sdk.gen.ts';
import type { ListTasksData, TasksResponse } from '../../../generated/types.gen.ts';
import { repair } from '../../../src/store/repair.ts';
import { RunStore } from '../../../src/store/run-store.ts';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT, run, unseenTask, uuid } from '../../support/builders.ts';
import { NOW, type Service, listenOn, startService } from '../../support/service.ts';

let service: Service;
/** A second process of the service, as far as memory is concerned: another app on the same database. */
let other: Awaited<ReturnType<typeof listenOn>>;

beforeAll(async () => {
  service = await startService();
  other = await listenOn(service.collections, () => service.clock.now);
});
/** Services that a test started beside. */
const opened: (typeof other)[] = [];
async function open(cacheBytes: number, collections = service.collections) {
  const listener = await listenOn(collections, () => service.clock.now, 'none', { cacheBytes });
  opened.push(listener);
  return listener;
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((listener) => listener.close()));
});
afterAll(async () => {
  await other.close();
  await service.close();
});
beforeEach(async () => {
  service.clock.now = NOW;
  const { tasks, runs, accounts } = service.collections;
  await Promise.all([tasks.deleteMany({}), runs.deleteMany({}), accounts.deleteMany({})]);
  await tasks.insertMany([unseenTask(1), unseenTask(2), unseenTask(3, { account_id: OTHER_ACCOUNT })]);
  await service.runs.recordRuns(uuid(1), [run(1), run(2)]);
  await accounts.insertOne({ _id: ACCOUNT, email: 'mira@label.example' });
});

const id = uuid(1);
async function tasksOf(client = service.client, query: ListTasksData['query'] = {}) {
  const { data } = await listTasks({ client, query, throwOnError: true });
  return data.tasks;
}

interface Asked {
  query?: string;
  etag?: string;
  encoding?: string;
}
async function ask({ query = '', etag, encoding = 'identity' }: Asked = {}) {
  const response = await service.request(`/api/tasks${query}`, {
    headers: { 'Accept-Encoding': encoding, ...(etag && { 'If-None-Match': etag }) },
  });
  return { status: response.status, etag: response.headers.get('etag') ?? '', text: await response.text() };
}
const asked = (collection: 'tasks' | 'runs') =>
  service.commands.started.filter(
    ({ commandName, command }) => commandName === 'find' && command.find === collection,
  ).length;

/** Each way in which this service can change what a listing shows of task 1. */
const WRITES: [what: string, write: () => Promise<unknown>][] = [
  ['a changed title', () => updateTask({ client: service.client, body: { id, title: 'New' } })],
  ['a changed schedule', () => updateTask({ client: service.client, body: { id, schedule: '1 1 * * *' } })],
  ['a disabled task', () => updateTask({ client: service.client, body: { id, enabled: false } })],
  [
    'a new run',
    () =>
      recordRuns({
        client: service.client,
        body: {
          task_id: id,
          runs: [
            {
              id: 'run_new',
              status: 'QUEUED',
              taskIdentifier: 'x',
              createdAt: '2026-11-01T00:00:00Z',
              updatedAt: '2026-11-01T00:00:00Z',
            },
          ],
        },
      }),
  ],
  [
    'a new state of a run',
    () =>
      service.runs.recordRuns(id, [run(2, { updatedAt: new Date('2026-11-02T00:00:00Z'), output: 'new' })]),
  ],
  [
    'a new state of a run with the same updatedAt',
    () => service.runs.recordRuns(id, [run(2, { output: 'same instant' })]),
  ],
  ['a deleted task', () => deleteTask({ client: service.client, body: { id } })],
  [
    'a created task',
    () =>
      createTask({
        client: service.client,
        body: {
          title: 'T',
          prompt: 'P',
          schedule: '0 0 * * *',
          account_id: ACCOUNT,
          artist_account_id: ARTIST,
        },
      }),
  ],
];
/** What else can change it. */
const CHANGES: typeof WRITES = [
  ...WRITES,
  [
    'another address of the account',
    () => service.collections.accounts.updateOne({ _id: ACCOUNT }, { $set: { email: 'new@label.example' } }),
  ],
  [
    'a name for the artist',
    () =>
      service.collections.accounts.updateOne(
        { _id: ARTIST },
        { $set: { name: 'Juno Vale' } },
        { upsert: true },
      ),
  ],
  [
    'a fire time that passes',
    async () => {
      service.clock.now = new Date('2026-11-26T09:00:00.000Z');
    },
  ],
];

describe('what was listed before', () => {
  test('is not read again, neither the tasks nor their runs', async () => {
    const first = await tasksOf();
    service.commands.started.length = 0;
    expect(await tasksOf()).toEqual(first);
    // Their versions.
    expect([asked('tasks'), asked('runs')]).toEqual([1, 0]);
  });

  test('but for the one that has changed, with its runs', async () => {
    await tasksOf();
    await service.runs.recordRuns(id, [run(3)]);
    service.commands.started.length = 0;
    await tasksOf();
    const commands = service.commands.started.map(({ command }) => command);
    expect(commands.flatMap(({ find, filter }) => (find === 'runs' ? [filter] : []))).toEqual([
      { _id: { $in: ['run_000003', 'run_000002', 'run_000001'] } },
    ]);
    expect(JSON.stringify(commands)).toContain(id);
    expect(JSON.stringify(commands)).not.toContain(uuid(2));
  });

  test.each(CHANGES)('shows %s at once, in every process', async (_what, change) => {
    const before = [await tasksOf(), await tasksOf(other.client)];
    await change();
    const after = [await tasksOf(), await tasksOf(other.client)];
    expect(before[1]).toEqual(before[0]);
    expect(after[1]).toEqual(after[0]);
    expect(after[0]).not.toEqual(before[0]);
    // As a process says it that has kept nothing.
    const fresh = await open(0);
    expect(await tasksOf(fresh.client)).toEqual(after[0]);
  });

  test('shows within a minute what another tool has changed without incrementing the version', async () => {
    await tasksOf();
    await service.collections.tasks.updateOne({ _id: id }, { $set: { title: 'By hand' } });
    service.clock.now = new Date(NOW.getTime() + 60_000);
    expect((await tasksOf(service.client, { id }))[0]?.title).toBe('By hand');
  });

  test('a task that is disabled between its version and itself is left out of a listing of enabled ones', async () => {
    const { tasks } = service.collections;
    const find = tasks.find.bind(tasks);
    const disabling = new Proxy(tasks, {
      get: (target, name) =>
        name === 'find'
          ? (filter: object, options: object) => {
              const cursor = find(filter, options);
              if (!('projection' in options)) return cursor;
              return Object.assign(Object.create(cursor), {
                toArray: async () => {
                  const found = await cursor.toArray();
                  await tasks.updateOne({ _id: id }, { $set: { enabled: false }, $inc: { version: 1 } });
                  return found;
                },
              });
            }
          : Reflect.get(target, name).bind(target),
    });
    const raced = await open(1_000_000, { ...service.collections, tasks: disabling });
    expect((await tasksOf(raced.client, { enabled: true })).map((one) => one.id)).toEqual([uuid(3), uuid(2)]);
  });

  test('is in order, whichever of it was kept', async () => {
    await tasksOf(service.client, { id: uuid(2) });
    expect((await tasksOf()).map((one) => one.id)).toEqual([uuid(3), uuid(2), uuid(1)]);
  });

  test('callers who ask the same at once share a look-up, and each sees what was written before he asked', async () => {
    const titles = Array.from({ length: 40 }, (_, at) => `Title ${at}`);
    const seen = await Promise.all(
      titles.map(async (title) => {
        await updateTask({ client: service.client, body: { id, title } });
        const writtenAt = titles.indexOf(title);
        return { writtenAt, version: (await tasksOf(service.client, { id }))[0]?.title };
      }),
    );
    const stored = await service.collections.tasks.findOne({ _id: id });
    expect((await tasksOf(service.client, { id }))[0]?.title).toBe(stored?.title);
    expect(seen.every(({ version }) => version !== 'Task 1')).toBe(true);
    service.commands.started.length = 0;
    await Promise.all(titles.map(() => tasksOf()));
    expect(asked('tasks')).toBeLessThan(titles.length / 2);
  });

  test('stays within its bound of memory, and a listing that is larger is right all the same', async () => {
    const prompt = 'x'.repeat(10_000);
    await service.collections.tasks.insertMany(
      Array.from({ length: 50 }, (_, at) => unseenTask(100 + at, { prompt })),
    );
    const small = await open(200_000);
    service.commands.started.length = 0;
    for (let round = 0; round < 2; round += 1) expect(await tasksOf(small.client)).toHaveLength(53);
    const read = service.commands.succeeded.length;
    expect(read).toBeGreaterThan(0);
    // Whoever keeps all would read 53 tasks once; with room for a quarter, most are read again.
    const bytes = service.commands.started.filter(({ command }) => command.find === 'tasks').length;
    expect(bytes).toBe(4);
  });
});

describe('a report that is never finished, because its process dies behind the first write', () => {
  const statusAt = async (client: typeof service.client) =>
    (await tasksOf(client, { id }))[0]?.recent_runs.find((one) => one.id === run(4).id)?.status;

  beforeEach(async () => {
    await service.runs.recordRuns(id, [run(4, { status: 'EXECUTING' })]);
    expect([await statusAt(service.client), await statusAt(other.client)]).toEqual([
      'EXECUTING',
      'EXECUTING',
    ]);
    const tasks = new Proxy(service.collections.tasks, {
      get(target, name) {
        if (name === 'updateOne') return () => Promise.reject(new Error('killed'));
        return Reflect.get(target, name).bind(target);
      },
    });
    const dying = new RunStore({ tasks, runs: service.collections.runs });
    const reported = dying.recordRuns(id, [run(4, { updatedAt: new Date('2026-11-02T00:00:00Z') })]);
    await expect(reported).rejects.toThrow('killed');
  });

  test('is shown by every process once one has shown it, and never less', async () => {
    const fresh = await open(0);
    const seen = [await statusAt(fresh.client), await statusAt(service.client), await statusAt(other.client)];
    expect(seen).toEqual(['COMPLETED', 'COMPLETED', 'COMPLETED']);
  });

  test('keeps the task out of memory until the next report, since it may still be written to', async () => {
    await service.runs.recordRuns(uuid(2), [run(7)]);
    await tasksOf();
    service.commands.started.length = 0;
    await tasksOf();
    expect([asked('tasks'), asked('runs')]).toEqual([2, 1]);
    await service.collections.tasks.updateOne(
      { _id: id },
      { $set: { recording: [ObjectId.createFromTime(0)] } },
    );
    await service.runs.recordRuns(id, [run(3)]);
    await tasksOf();
    service.commands.started.length = 0;
    await tasksOf();
    expect([asked('tasks'), asked('runs')]).toEqual([1, 0]);
  });

  test('is repaired by npm run repair too, when it has been given up', async () => {
    await service.collections.tasks.updateOne(
      { _id: id },
      { $set: { recording: [ObjectId.createFromTime(0)] } },
    );
    expect((await repair(service.collections)).repaired).toBe(1);
    expect((await service.collections.tasks.findOne({ _id: id }))?.recording).toEqual([]);
  });
});

describe('If-None-Match', () => {
  test('with the ETag of the reply is answered 304, without a body', async () => {
    const { etag, status } = await ask();
    expect([status, etag]).toEqual([200, expect.stringMatching(/^"[\w-]+"$/)]);
    expect(await ask({ etag })).toEqual({ status: 304, etag, text: '' });
    expect((await ask({ etag: `"other", ${etag}` })).status).toBe(304);
    expect((await ask({ etag: '"other"' })).status).toBe(200);
  });

  test.each(CHANGES)('is answered with the whole after %s', async (_what, change) => {
    const { etag } = await ask();
    await change();
    const after = await ask({ etag });
    expect(after.status).toBe(200);
    expect(after.etag).not.toBe(etag);
  });

  test('is answered with the whole where the filters, the page or the encoding are others', async () => {
    const { etag } = await ask();
    for (const query of ['?enabled=false', `?id=${id}`, `?account_id=${ACCOUNT}`, '?limit=1']) {
      expect((await ask({ query, etag })).status).toBe(200);
    }
    expect((await ask({ etag, encoding: 'gzip' })).status).toBe(200);
  });

  test('is the same ETag in every process, also in one that keeps nothing', async () => {
    const fresh = await open(0);
    const reply = await fetch(`${fresh.url}/api/tasks`, { headers: { 'Accept-Encoding': 'identity' } });
    await reply.text();
    expect(reply.headers.get('etag')).toBe((await ask()).etag);
  });

  test('says of runs too whether anything is new', async () => {
    const listing = () => service.request('/api/tasks/runs', { headers: { 'If-None-Match': etag } });
    let etag = '"none"';
    etag = (await listing()).headers.get('etag') ?? '';
    expect((await listing()).status).toBe(304);
    await service.runs.recordRuns(id, [run(3)]);
    expect((await listing()).status).toBe(200);
  });

  test('is not looked at by what changes something', async () => {
    const response = await service.request('/api/tasks', {
      method: 'PATCH',
      headers: { 'If-None-Match': '*', 'Content-Type': 'application/json' },
      body: JSON.stringify({ id, title: 'New' }),
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('etag')).toBeNull();
  });
});

describe('compression', () => {
  /** The body as it was sent. */
  async function rawBody(encoding: string, query = '') {
    const { get } = await import('node:http');
    return new Promise<{ body: Buffer; headers: Record<string, unknown> }>((resolve, reject) => {
      get(`${service.url}/api/tasks${query}`, { headers: { 'Accept-Encoding': encoding } }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ body: Buffer.concat(chunks), headers: response.headers }));
      }).on('error', reject);
    });
  }

  test('is one gzip member of just the same text, also when its parts are joined anew', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { text } = await ask();
      const { body, headers } = await rawBody('gzip');
      expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
      // Throws where the checksum or the length is wrong.
      expect(gunzipSync(body).toString()).toBe(text);
      await updateTask({ client: service.client, body: { id, title: `Round ${round}` } });
    }
  });

  test('is not much larger than that of the whole text at once', async () => {
    const output = { text: 'la la la '.repeat(500) };
    await service.runs.recordRuns(
      id,
      Array.from({ length: 5 }, (_, at) => run(10 + at, { output })),
    );
    const { body } = await rawBody('gzip', `?id=${id}`);
    const { text } = await ask({ query: `?id=${id}` });
    expect(body.length).toBeLessThan(1.5 * gzipSync(text).length);
  });

  test.each([
    ['gzip, deflate, br', 'gzip'],
    ['*', 'gzip'],
    ['identity', undefined],
    ['gzip;q=0', undefined],
    ['br', undefined],
    ['identity;q=1, gzip;q=0.5', undefined],
    ['', undefined],
  ])('for Accept-Encoding "%s" is %s', async (accepted, expected) => {
    const { body, headers } = await rawBody(accepted);
    expect(headers['content-encoding']).toBe(expected);
    const { status }: TasksResponse = JSON.parse((expected ? gunzipSync(body) : body).toString());
    expect(status).toBe('success');
  });

  test('is left out where it would not pay', async () => {
    const { headers } = await rawBody('gzip', `?id=${uuid(9)}`);
    expect(headers['content-encoding']).toBeUndefined();
  });
});
