import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MongoInvalidArgumentError, MongoNotConnectedError, MongoServerError } from 'mongodb';
import { pino } from 'pino';
import { type Database, openDatabase } from '../../src/store/open-store.ts';
import { failureKind } from '../../src/database/failures.ts';
import { checkedFetch } from '../support/contract.ts';
import { task, uuid } from '../support/builders.ts';
import { startProxy } from '../support/proxy.ts';
import { NOW, listenOn, openTestDatabase } from '../support/service.ts';
import { SOON } from '../support/retry-after.ts';

let database: Awaited<ReturnType<typeof openTestDatabase>>;
let proxy: Awaited<ReturnType<typeof startProxy>>;
let behindProxy: Database;
let listener: Awaited<ReturnType<typeof listenOn>>;

beforeAll(async () => {
  database = await openTestDatabase();
  await database.collections.tasks.insertOne(task(1));
  proxy = await startProxy(database.uri);
  const settings = { uri: proxy.uri, name: database.name, dataDir: database.dataDir };
  behindProxy = await openDatabase(settings, pino({ level: 'silent' }));
  listener = await listenOn(behindProxy.collections, () => NOW);
});
afterAll(async () => {
  await listener.close();
  await behindProxy.close();
  await proxy.close();
  await database.close();
});

const get = () => checkedFetch(`${listener.url}/api/tasks`);

describe('when the database cannot be reached', () => {
  test('a listing is an error that says so, not an empty list, and the log has the reason', async () => {
    expect((await get()).status).toBe(200);
    proxy.cut();
    listener.lines.length = 0;
    const response = await get();
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toMatch(SOON);
    expect(await response.json()).toEqual({
      status: 'error',
      error: expect.stringContaining('The database is unavailable'),
      code: 'database_unavailable',
      request_id: response.headers.get('x-request-id'),
      tasks: [],
    });
    expect(listener.lines[0]).toMatchObject({
      level: 50,
      msg: 'database unavailable',
      requestId: response.headers.get('x-request-id'),
      err: { type: expect.stringMatching(/^Mongo/), stack: expect.any(String) },
    });
  });

  test.each(['insertOne', 'updateOne', 'bulkWrite'] as const)(
    '%s fails as by a server that is unavailable',
    async (what) => {
      const { tasks } = behindProxy.collections;
      const write = {
        insertOne: () => tasks.insertOne(task(2)),
        updateOne: () => tasks.updateOne({ _id: uuid(2) }, { $set: { title: 'x' } }),
        // Of which the driver makes an error of the server's kind.
        bulkWrite: () => tasks.bulkWrite([{ insertOne: { document: task(2) } }]),
      };
      expect(await write[what]().then(String, failureKind)).toBe('unavailable');
    },
  );

  test('and the service recovers by itself when it can be again', async () => {
    proxy.restore();
    expect((await get()).status).toBe(200);
  });
});

test.each([
  ['refuses the command', new MongoServerError({ message: 'no', code: 13 }), 503],
  ['has no connection free', new MongoNotConnectedError('no'), 503],
  ['is not to blame, but our use of the driver', new MongoInvalidArgumentError('no'), 500],
])('where the database %s, the reply is right', async (_what, error, status) => {
  const broken = new Proxy(behindProxy.collections.tasks, {
    get() {
      throw error;
    },
  });
  const other = await listenOn({ ...behindProxy.collections, tasks: broken }, () => NOW);
  expect((await checkedFetch(`${other.url}/api/tasks`)).status).toBe(status);
  await other.close();
});

test('an unexpected failure is 500 with a general text, and the log has all of it', async () => {
  const broken = new Proxy(behindProxy.collections.tasks, {
    get() {
      throw new TypeError('secret detail');
    },
  });
  const other = await listenOn({ ...behindProxy.collections, tasks: broken }, () => NOW);
  try {
    const response = await checkedFetch(`${other.url}/api/tasks`);
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(text).toContain('internal_error');
    expect(text).not.toContain('secret detail');
    expect(JSON.stringify(other.lines)).toContain('secret detail');
  } finally {
    await other.close();
  }
});
