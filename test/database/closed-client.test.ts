import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { failureKind, isDatabaseFailure } from '../../src/database/failures.ts';
import { KeyStore } from '../../src/store/key-store.ts';
import { openDatabase } from '../../src/store/open-store.ts';
import { startProxy } from '../support/proxy.ts';
import { NOW, memoryLog, openTestDatabase } from '../support/service.ts';

let database: Awaited<ReturnType<typeof openTestDatabase>>;
let proxy: Awaited<ReturnType<typeof startProxy>>;
beforeAll(async () => {
  database = await openTestDatabase();
});
beforeEach(async () => {
  proxy = await startProxy(database.uri);
});
afterEach(() => proxy.close());
afterAll(() => database.close());

test('a command that the end of the service interrupts failed by the database, not by a fault of ours', async () => {
  const { name, dataDir } = database;
  const behindProxy = await openDatabase({ uri: proxy.uri, name, dataDir }, pino({ level: 'silent' }));
  proxy.stall();
  const interrupted = behindProxy.collections.tasks.findOne({}).catch((error: unknown) => error);
  const asked = proxy.sent().length;
  while (!proxy.sent().slice(asked).includes('find\0')) await new Promise(setImmediate);
  await behindProxy.close();
  const error = await interrupted;
  expect(error).toMatchObject({ name: 'MongoClientClosedError' });
  expect([isDatabaseFailure(error), failureKind(error)]).toEqual([true, 'unavailable']);
});

test('a write of last_used_at that does not end delays neither its request nor the end of the service', async () => {
  const { name, dataDir } = database;
  const behindProxy = await openDatabase({ uri: proxy.uri, name, dataDir }, pino({ level: 'silent' }));
  const { lines, log } = memoryLog();
  const { key } = await new KeyStore(database.collections, log).create({ name: 'a', scope: 'admin' }, NOW);
  const keys = new KeyStore(behindProxy.collections, log);
  const asked = proxy.sent().length;
  proxy.delayAnswer('update');
  expect(await keys.authenticate(key, NOW)).toMatchObject({ name: 'a' });
  while (!proxy.sent().slice(asked).includes('last_used_at')) await new Promise(setImmediate);
  await behindProxy.close();
  while (lines.length === 0) await new Promise(setImmediate);
  expect(lines).toEqual([
    expect.objectContaining({
      level: 40,
      msg: expect.stringContaining('failed to write last_used_at for API keys'),
    }),
  ]);
});
