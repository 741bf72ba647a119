/** Writes that the driver repeats after a lost reply, on a server that executes them twice: each has the effect of one. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { addAccounts, addTasks } from '../../src/samples/fill-database.ts';
import { AccountStore } from '../../src/store/account-store.ts';
import { KeyStore } from '../../src/store/key-store.ts';
import { openDatabase } from '../../src/store/open-store.ts';
import { repair } from '../../src/store/repair.ts';
import { dropOldRuns } from '../../src/store/retention.ts';
import { upgrade } from '../../src/store/upgrade.ts';
import { ACCOUNT, OTHER_ACCOUNT, run, task, uuid } from '../support/builders.ts';
import { countOf } from '../support/count.ts';
import { startProxy } from '../support/proxy.ts';
import { NOW, openTestDatabase } from '../support/service.ts';

const log = pino({ level: 'silent' });
let direct: Awaited<ReturnType<typeof openTestDatabase>>;
let proxy: Awaited<ReturnType<typeof startProxy>>;
let database: Awaited<ReturnType<typeof openDatabase>>;
/** The ids in the bulks that were sent, in their order. */
const written: unknown[] = [];
beforeEach(async () => {
  direct = await openTestDatabase();
  proxy = await startProxy(direct.uri);
  const settings = { uri: proxy.uri, name: direct.name, dataDir: direct.dataDir };
  database = await openDatabase(settings, log, { monitorCommands: true });
  written.length = 0;
  database.client.on('commandStarted', ({ command }) => {
    const { updates = [], documents = [] } = command;
    for (const { q, _id } of [...updates, ...documents]) written.push(q?._id ?? _id);
  });
});
afterEach(async () => {
  await database.close();
  await proxy.close();
  await direct.close();
});

const stored = (number: number, taskNumber: number, account_id: string) => {
  const { id, ...fields } = run(number);
  return { ...fields, _id: id, task_id: uuid(taskNumber), account_id };
};

test('a key is created once, and is valid', async () => {
  const keys = new KeyStore(database.collections, log);
  proxy.repeat('insert');
  const { key } = await keys.create({ name: 'a key', scope: 'admin' }, NOW);
  expect(await keys.authenticate(key, NOW)).toMatchObject({ name: 'a key' });
  expect(await countOf(direct.collections.api_keys)).toBe(1);
});

test('a key keeps the instant of its first revocation', async () => {
  const keys = new KeyStore(database.collections, log);
  const { id } = await keys.create({ name: 'a key', scope: 'admin' }, NOW);
  proxy.repeat('update');
  expect(await keys.revoke(id, NOW)).toMatchObject({ revoked_at: NOW });
});

test('an account is created once, and one that exists keeps its address', async () => {
  const accounts = new AccountStore(database.collections);
  for (const email of ['first@example.com', 'second@example.com']) {
    proxy.repeat('insert');
    expect(await accounts.obtain({ _id: ACCOUNT, email })).toEqual({
      _id: ACCOUNT,
      email: 'first@example.com',
    });
  }
});

test('accounts, tasks and histories are added once, beside those that exist', async () => {
  const { collections } = direct;
  proxy.repeat('insert');
  await addAccounts(database.collections, [{ _id: OTHER_ACCOUNT }, { _id: ACCOUNT, email: 'a@example.com' }]);
  expect(await countOf(collections.accounts)).toBe(2);
  await collections.tasks.insertOne(task(2, { title: 'Stays' }));
  const { recent_runs: _, version: __, ...first } = task(1);
  const { recent_runs: ___, version: ____, ...second } = task(2);
  proxy.repeat('insert');
  await addTasks(database.collections, [
    { task: second, runs: [] },
    { task: first, runs: [] },
  ]);
  const titles = (await collections.tasks.find().sort({ _id: 1 }).toArray()).map(({ title }) => title);
  expect(titles).toEqual(['Task 1', 'Stays']);
  expect(written).toEqual([ACCOUNT, OTHER_ACCOUNT, uuid(1), uuid(2)]);
});

test('an upgrade is noted once', async () => {
  await direct.collections.tasks.insertOne(task(1));
  proxy.repeat('insert');
  await upgrade(database.collections);
  expect(await countOf(direct.collections.upgrades)).toBe(1);
});

test('runs are reassigned once, and counted once, by single updates in the order of their ids', async () => {
  const { tasks, runs } = direct.collections;
  await tasks.insertMany([task(1), task(2, { account_id: OTHER_ACCOUNT })]);
  await runs.insertMany([stored(3, 1, OTHER_ACCOUNT), stored(1, 1, OTHER_ACCOUNT), stored(2, 2, ACCOUNT)]);
  proxy.repeat('update');
  expect(await repair(database.collections)).toMatchObject({ tasks: 2, reassigned: 3 });
  expect(await runs.find({ account_id: OTHER_ACCOUNT }).toArray()).toMatchObject([{ _id: run(2).id }]);
  expect(written.slice(0, 3)).toEqual([1, 2, 3].map((number) => run(number).id));
});

test('old runs are deleted once', async () => {
  await direct.collections.runs.insertMany([stored(1, 1, ACCOUNT), stored(2, 1, ACCOUNT)]);
  proxy.repeat('delete');
  await dropOldRuns(database.collections, NOW);
  expect(await countOf(direct.collections.runs)).toBe(0);
});
