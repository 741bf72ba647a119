/** What callers and operators see while the database stands still, is killed, refuses, or changes its primary; and after. */
import { once } from 'node:events';
import { get } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ObjectId } from 'mongodb';
import { pino } from 'pino';
import { boundsOf } from '../../src/database/connect.ts';
import type { Collections } from '../../src/store/collections.ts';
import { openDatabase } from '../../src/store/open-store.ts';
import { TaskStore } from '../../src/store/task-store.ts';
import type { Limits } from '../../src/config/limits.ts';
import { killHard, spawnEngine } from '../embedded/support/processes.ts';
import { ACCOUNT, ARTIST, task, uuid } from '../support/builders.ts';
import { checkedFetch } from '../support/contract.ts';
import { killAll } from '../support/process.ts';
import { startProxy } from '../support/proxy.ts';
import { limitsWith, listenOn, openTestDatabase } from '../support/service.ts';
import { countOf } from '../support/count.ts';
import { SOON } from '../support/retry-after.ts';

/** Every request is answered within this time, whatever the database does; many times the limit, for a busy machine. */
const ANSWERED_MS = 20_000;
/** Less than by default, to save time. */
const LIMITS = { operationTimeoutMs: 2_000 };
type Request = [method: string, pathAndQuery: string, body?: object];

const NEW_TASK = {
  title: 'New',
  prompt: 'p',
  schedule: '0 9 * * 4',
  account_id: ACCOUNT,
  artist_account_id: ARTIST,
};
const CREATION: Request = ['POST', '/api/tasks', NEW_TASK];
const CHANGE: Request = ['PATCH', '/api/tasks', { id: uuid(1), title: 'Changed' }];
const DELETION: Request = ['DELETE', '/api/tasks', { id: uuid(2) }];
const REPORT: Request = [
  'PUT',
  '/api/tasks/runs',
  {
    task_id: uuid(1),
    runs: [
      {
        id: 'run_new',
        status: 'QUEUED',
        taskIdentifier: 't',
        createdAt: '2026-11-19T14:00:00Z',
        updatedAt: '2026-11-19T14:00:00Z',
      },
    ],
  },
];
/** Each operation. */
const REQUESTS: Request[] = [
  ['GET', '/api/tasks'],
  ['HEAD', '/api/tasks'],
  ['GET', '/api/tasks?limit=1'],
  ['GET', '/api/tasks/runs'],
  CREATION,
  CHANGE,
  DELETION,
  REPORT,
];

let dataDir: string;
const opened: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'recoup-outage-'));
});
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
  await rm(dataDir, { recursive: true, force: true });
});
afterAll(killAll);

/** The service, with a clock that goes, on a database behind an address. */
async function serviceOn(uri: string, name: string, others: Partial<Limits> = LIMITS) {
  const limits = limitsWith(others);
  const log = pino({ level: 'silent' });
  const database = await openDatabase({ uri, name, dataDir }, log, boundsOf(limits));
  opened.push(database);
  const listener = await listenOn(database.collections, () => new Date(), 'none', { limits });
  opened.push(listener);
  const ask = (method: string, pathAndQuery: string, body?: object, headers?: Record<string, string>) =>
    checkedFetch(`${listener.url}${pathAndQuery}`, {
      method,
      signal: AbortSignal.timeout(ANSWERED_MS),
      ...(body && {
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    });
  const said = (message: string) => listener.lines.filter(({ msg }) => msg === message);
  /** Resolves when the log has been told so: it comes by itself. */
  const hears = async (message: string) => {
    while (said(message).length === 0) await new Promise(setImmediate);
    return said(message);
  };
  return { ...listener, collections: database.collections, ask, said, hears };
}

type Asking = Pick<Awaited<ReturnType<typeof serviceOn>>, 'ask'>;

/** That every operation is refused as the spec says. */
async function expectAllUnavailable({ ask }: Asking) {
  const replies = await Promise.all(REQUESTS.map((request) => ask(...request)));
  for (const reply of replies) {
    expect(reply.status).toBe(503);
    expect(reply.headers.get('retry-after')).toMatch(SOON);
  }
}

async function becomesReady({ ask }: Asking) {
  for (;;) {
    if ((await ask('GET', '/health/ready')).status === 200) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

/** A listing that is being sent as it is read, through a proxy. */
async function longListing() {
  const database = await openTestDatabase();
  opened.push(database);
  const proxy = await startProxy(database.uri);
  opened.push(proxy);
  const service = await serviceOn(proxy.uri, database.name);
  const prompt = 'Write a caption. '.repeat(1_000);
  await database.collections.tasks.insertMany(
    Array.from({ length: 1_500 }, (_, number) => task(number, { prompt })),
  );
  const request = get(`${service.url}/api/tasks`, { agent: false });
  const [response] = await once(request, 'response');
  request.on('error', () => undefined); // the response has it too
  await once(response, 'readable');
  return { proxy, service, response };
}

describe('a database that stands still', () => {
  test('has every request answered in time, is told to the log once, and is used again when it goes on', async () => {
    const engine = await spawnEngine(dataDir);
    const service = await serviceOn(String(engine.uri), 'recoup');
    await service.collections.tasks.insertMany([task(1), task(2)]);
    engine.process.kill('SIGSTOP');
    try {
      for (let time = 0; time < 3; time += 1) await expectAllUnavailable(service);
      await service.hears('database unavailable');
      expect((await service.ask('GET', '/health/ready')).status).toBe(503);
      expect((await service.ask('GET', '/health/live')).status).toBe(200);
    } finally {
      engine.process.kill('SIGCONT');
    }
    await becomesReady(service);
    expect((await service.ask('GET', '/api/tasks')).status).toBe(200);
    expect(service.said('database unavailable')).toHaveLength(1);
    expect(await service.hears('database available again')).toEqual([
      expect.objectContaining({ level: 30, durationMs: expect.any(Number), failures: expect.any(Number) }),
    ]);
    expect(service.said('database too slow').length).toBeLessThanOrEqual(2);
    expect(service.lines.filter(({ level, err }) => err !== undefined && Number(level) < 50)).toEqual([]);
    await killHard(engine);
  });

  test('in the middle of a listing has it cut in time', async () => {
    const { proxy, service, response } = await longListing();
    proxy.stall();
    const time = AbortSignal.timeout(ANSWERED_MS);
    await expect(text(response)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(time.aborted).toBe(false);
    proxy.resume();
    await becomesReady(service);
    expect((await service.ask('GET', '/api/tasks')).status).toBe(200);
  });
});

test('a listing whose reader pauses for longer than the database may is not cut', async () => {
  const { response } = await longListing();
  await pause(2 * LIMITS.operationTimeoutMs);
  expect(JSON.parse(await text(response)).tasks).toHaveLength(1_500);
});

describe('a database that is killed', () => {
  test('has every request answered in time, is told to the log once, and is used again when it is back', async () => {
    const engine = await spawnEngine(dataDir);
    const service = await serviceOn(String(engine.uri), 'recoup');
    await service.collections.tasks.insertMany([task(1), task(2), task(3)]);
    await killHard(engine);
    for (let time = 0; time < 3; time += 1) await expectAllUnavailable(service);
    expect(service.said('database unavailable')).toEqual([
      expect.objectContaining({ level: 50, err: expect.objectContaining({ stack: expect.any(String) }) }),
    ]);
    expect(service.said('request failed')).toEqual([]);
    const lines = service.said('request');
    expect(lines).toHaveLength(3 * REQUESTS.length);
    for (const line of lines) expect(line).toMatchObject({ level: 40, status: 503 });
    const again = await spawnEngine(dataDir);
    // It looks by itself, whether anybody asks or not.
    await service.hears('database available again');
    for (const request of REQUESTS) {
      // A deletion that was answered 503 may have been applied, so this one is of another task.
      const other: Request = request === DELETION ? ['DELETE', '/api/tasks', { id: uuid(3) }] : request;
      expect((await service.ask(...other)).status).toBe(200);
    }
    const [back] = await service.hears('database available again');
    expect(back?.failures).toBeGreaterThanOrEqual(3 * REQUESTS.length);
    await killHard(again);
  });
});

describe('a database whose disk is full', () => {
  test('has writes refused, reads answered, and the log told once', async () => {
    const engine = await spawnEngine(dataDir, 512);
    const service = await serviceOn(String(engine.uri), 'recoup', {});
    const large = { ...NEW_TASK, prompt: 'x'.repeat(30_000) };
    let reply = await service.ask('POST', '/api/tasks', large);
    while (reply.status === 200) reply = await service.ask('POST', '/api/tasks', large);
    for (let time = 0; time < 5; time += 1) {
      expect(reply.status).toBe(503);
      expect((await reply.json()).error).toContain('refused the operation');
      reply = await service.ask('POST', '/api/tasks', large);
    }
    expect((await service.ask('GET', '/api/tasks?limit=1')).status).toBe(200);
    expect(service.said('database refused an operation')).toEqual([
      expect.objectContaining({ level: 50, err: expect.objectContaining({ code: 14031 }) }),
    ]);
    expect(service.said('database unavailable')).toEqual([]);
    await killHard(engine);
  });
});

describe('a database', () => {
  const NOT_PRIMARY = { ok: 0, code: 10107, codeName: 'NotWritablePrimary', errmsg: 'not primary' };

  async function behindProxy() {
    const database = await openTestDatabase();
    opened.push(database);
    const proxy = await startProxy(database.uri);
    opened.push(proxy);
    const service = await serviceOn(proxy.uri, database.name, {});
    await database.collections.tasks.insertMany([task(1), task(2)]);
    return { database, proxy, service };
  }

  test('that is no primary any more has reads asked again, and writes refused or done once', async () => {
    const { database, proxy, service } = await behindProxy();
    proxy.answerInstead('find', NOT_PRIMARY);
    expect((await service.ask('GET', '/api/tasks')).status).toBe(200);

    proxy.answerInstead('insert', NOT_PRIMARY);
    const { status } = await service.ask(...CREATION);
    // Where the server can take a write again, the driver has sent it again.
    expect([200, 503]).toContain(status);
    expect(await countOf(database.collections.tasks, { title: 'New' })).toBe(status === 200 ? 1 : 0);
    expect(service.said('database unavailable')).toHaveLength(status === 200 ? 0 : 1);
    expect((await service.ask(...CREATION)).status).toBe(200);
  });

  const WRITES: [what: string, command: string, request: Request][] = [
    ['creation', 'insert', CREATION],
    ['change', 'findAndModify', CHANGE],
    ['deletion', 'delete', DELETION],
    ['mark of a deletion', 'findAndModify', DELETION],
    ['report', 'update', REPORT],
    ['mark of a report', 'findAndModify', REPORT],
  ];

  /** Checks that the database has the effect of the request exactly once. */
  async function expectDone([method]: Request, { tasks, runs }: Collections) {
    const stored = await tasks.find().sort({ _id: 1 }).toArray();
    const titles = stored.map(({ title }) => title);
    if (method === 'POST') expect(titles.toSorted()).toEqual(['New', 'Task 1', 'Task 2']);
    if (method === 'PATCH') expect(titles).toEqual(['Changed', 'Task 2']);
    if (method === 'DELETE') expect(titles).toEqual(['Task 1']);
    if (method === 'PUT') {
      expect(await runs.find().toArray()).toMatchObject([
        { _id: 'run_new', task_id: uuid(1), status: 'QUEUED' },
      ]);
      expect(stored[0]).toMatchObject({ recording: [], recent_runs: [{ id: 'run_new' }] });
    }
    // A report increments the version before and after it, and may do so more often.
    if (method !== 'PUT')
      expect(stored.map(({ version }) => version)).toEqual(method === 'PATCH' ? [2, 1] : stored.map(() => 1));
  }

  test.each(WRITES)('whose answer to a %s is lost has done it once', async (what, command, request) => {
    const { database, proxy, service } = await behindProxy();
    const before = proxy.commands().length;
    proxy.loseAnswer(command);
    const reply = await service.ask(...request);
    // The driver numbers the writes that it would retry, if it believes that the server recognizes retries.
    const isRepeated = proxy.sent().includes('txnNumber');
    const sent = proxy.commands().slice(before);
    expect([reply.status, sent.filter((name) => name === command).length]).toEqual(
      isRepeated ? [200, 2] : [503, 1],
    );
    // Without a repeat, the second of two steps is not made.
    if (!isRepeated && (what.startsWith('mark') || what === 'report')) return;
    await expectDone(request, database.collections);
  });

  test.each(WRITES)('that executes a repeated %s twice has done it once', async (_what, command, request) => {
    const { database, proxy, service } = await behindProxy();
    proxy.repeat(command);
    const reply = await service.ask(...request);
    const body = await reply.json();
    expect(reply.status).toBe(200);
    if (request === CHANGE) expect(body.tasks).toMatchObject([{ id: uuid(1), title: 'Changed' }]);
    if (request === REPORT) expect(body.runs).toMatchObject([{ id: 'run_new' }]);
    await expectDone(request, database.collections);
  });

  test('that executes a repeated change twice keeps the change that came in between', async () => {
    const { database, proxy, service } = await behindProxy();
    proxy.repeat('findAndModify', async () => {
      const tasks = new TaskStore(database.collections);
      await tasks.update({ id: uuid(1) }, { title: 'In between', model: 'm' }, new Date());
    });
    expect((await service.ask(...CHANGE)).status).toBe(200);
    expect(await database.collections.tasks.findOne({ _id: uuid(1) })).toMatchObject({
      title: 'In between',
      version: 3,
    });
  });

  test('that executes a change, or a deletion, of an unknown task twice has it refused', async () => {
    const { proxy, service } = await behindProxy();
    for (const request of [CHANGE, DELETION]) {
      const [method, path, body] = request;
      proxy.repeat('findAndModify');
      expect((await service.ask(method, path, { ...body, id: uuid(9) })).status).toBe(404);
    }
  });

  test('that was lost between the two steps of a deletion deletes the task at the next request', async () => {
    const { database, proxy, service } = await behindProxy();
    const { tasks } = database.collections;
    await tasks.updateOne({ _id: uuid(1) }, { $set: { deletion: new ObjectId() } });
    // In flight: somebody else's deletion, which this one completes.
    expect((await service.ask('DELETE', '/api/tasks', { id: uuid(1) })).status).toBe(404);
    // An abandoned deletion.
    const deletion = ObjectId.createFromTime(Math.floor(Date.now() / 1_000) - 120);
    await tasks.updateOne({ _id: uuid(2) }, { $set: { deletion } });
    proxy.repeat('findAndModify');
    expect((await service.ask(...DELETION)).status).toBe(200);
    expect(await countOf(tasks)).toBe(0);
  });

  describe('that fails a creation with an Idempotency-Key', () => {
    const createWith = (service: Asking, key: string) =>
      service.ask('POST', '/api/tasks', NEW_TASK, { 'Idempotency-Key': key });
    const idsOf = async (response: Response) => [
      response.status,
      (await response.json()).tasks.map(({ id }: { id: string }) => id),
    ];
    const stored = async ({ database }: Pick<Awaited<ReturnType<typeof behindProxy>>, 'database'>) =>
      (await database.collections.tasks.find({ title: 'New' }).toArray()).map(({ _id }) => _id);
    /** The command's name and the collection, as they stand in a message. */
    const INSERT_TASK = 'insert\0\x06\0\0\0tasks\0';

    test('by losing its connection at the insert has a retry create the task, once', async () => {
      const { database, proxy, service } = await behindProxy();
      proxy.cutAt(INSERT_TASK);
      expect((await createWith(service, 'k')).status).toBe(503);
      expect(await stored({ database })).toEqual([]);
      proxy.restore();
      await becomesReady(service);
      const retried = await idsOf(await createWith(service, 'k'));
      expect(retried).toEqual([200, await stored({ database })]);
      expect(await idsOf(await createWith(service, 'k'))).toEqual(retried);
      expect(await stored({ database })).toHaveLength(1);
    });

    test.each(['insert', 'update'])(
      'by losing the answer to an %s has a retry create it once',
      async (command) => {
        const { database, proxy, service } = await behindProxy();
        proxy.loseAnswer(command);
        expect([200, 503]).toContain((await createWith(service, 'k')).status);
        await becomesReady(service);
        expect(await idsOf(await createWith(service, 'k'))).toEqual([200, await stored({ database })]);
        expect(await stored({ database })).toHaveLength(1);
      },
    );

    test('by refusing to store the reply has it created, logged, and found by a retry', async () => {
      const { database, proxy, service } = await behindProxy();
      proxy.answerInstead('update', { ok: 0, code: 13, codeName: 'Unauthorized', errmsg: 'not allowed' });
      const created = await idsOf(await createWith(service, 'k'));
      expect(created).toEqual([200, await stored({ database })]);
      expect(service.said('failed to store the reply for an Idempotency-Key')).toEqual([
        expect.objectContaining({ level: 40, taskId: (await stored({ database }))[0] }),
      ]);
      expect(await idsOf(await createWith(service, 'k'))).toEqual(created);
    });

    test('by executing an insert twice has it recognize its own claim and its own task', async () => {
      const { database, proxy, service } = await behindProxy();
      proxy.repeat('insert');
      expect(await idsOf(await createWith(service, 'k'))).toEqual([200, await stored({ database })]);
      await database.collections.tasks.deleteMany({});
      proxy.repeat('insert');
      expect(await idsOf(await service.ask(...CREATION))).toEqual([200, await stored({ database })]);
      expect(await stored({ database })).toHaveLength(1);
    });
  });

  test('that refuses the same again and again is told to the log once', async () => {
    const { proxy, service } = await behindProxy();
    for (let time = 0; time < 5; time += 1) {
      proxy.answerInstead('find', { ok: 0, code: 13, codeName: 'Unauthorized', errmsg: 'not allowed' });
      expect((await service.ask('GET', '/api/tasks')).status).toBe(503);
    }
    expect(service.said('database refused an operation')).toEqual([
      expect.objectContaining({ level: 50, err: expect.objectContaining({ code: 13 }) }),
    ]);
  });
});
