import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { failureKind, isDatabaseFailure } from '../../src/database/failures.ts';
import { openDatabase } from '../../src/store/open-store.ts';
import { startProxy } from '../support/proxy.ts';
import { openTestDatabase } from '../support/service.ts';

let database: Awaited<ReturnType<typeof openTestDatabase>>;
let proxy: Awaited<ReturnType<typeof startProxy>>;
beforeAll(async () => {
  database = await openTestDatabase();
  proxy = await startProxy(database.uri);
});
afterAll(async () => {
  await proxy.close();
  await database.close();
});

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
  expect([isDatabaseFailure(error), failureKind(error)]).toEqual([true, 'away']);
});
