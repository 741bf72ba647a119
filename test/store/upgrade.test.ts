/** How a database that an earlier version wrote is upgraded at the first start. */
import { readFileSync } from 'node:fs';
import { EJSON } from 'bson';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Collections } from '../../src/store/collections.ts';
import { upgrade } from '../../src/store/upgrade.ts';
import type { RunDocument } from '../../src/store/run-document.ts';
import type { TaskDocument } from '../../src/store/task-document.ts';
import { ACCOUNT, OTHER_ACCOUNT, run, task, uuid } from '../support/builders.ts';
import { countOf } from '../support/count.ts';
import { NOW, type Service, startService } from '../support/service.ts';

/**
 * Written by version 84d62af, of which processes were stopped: task 3 moved to OTHER_ACCOUNT before its runs followed, task 4
 * when they had followed and the task did not say so, task 5 while a report of it was being written. Task 1 never moved, tasks
 * 2 and 6 moved whole, task 6 was deleted then, and task 7 has no runs.
 */
const WRITTEN: { tasks: TaskDocument[]; runs: RunDocument[] } = EJSON.parse(
  readFileSync('test/fixtures/moves-interrupted.json', 'utf8'),
);
const MISFILED = ['run_000030', 'run_000031', 'run_000051'];

let service: Service;
beforeAll(async () => {
  service = await startService('required');
});
afterAll(() => service.close());
beforeEach(async () => {
  const { tasks, runs, upgrades } = service.collections;
  await Promise.all([tasks.deleteMany({}), runs.deleteMany({}), upgrades.deleteMany({})]);
  await tasks.insertMany(WRITTEN.tasks);
  await runs.insertMany(WRITTEN.runs);
});

const filedUnder = async (account_id: string) => {
  const found = await service.collections.runs.find({ account_id }).sort({ _id: 1 }).toArray();
  return found.map(({ _id }) => _id);
};
const OF_ACCOUNT = ['run_000010', 'run_000011'];
const OF_OTHER_ACCOUNT = WRITTEN.runs.map(({ _id }) => _id).filter((id) => !OF_ACCOUNT.includes(id));

test('runs that a move left behind are reassigned to the owners of their tasks, and nothing else changes', async () => {
  expect(await filedUnder(ACCOUNT)).toEqual([...OF_ACCOUNT, ...MISFILED]);
  await upgrade(service.collections);
  expect(await filedUnder(ACCOUNT)).toEqual(OF_ACCOUNT);
  expect(await filedUnder(OTHER_ACCOUNT)).toEqual(OF_OTHER_ACCOUNT);
  const { tasks, runs } = service.collections;
  expect(await tasks.find().sort({ _id: 1 }).toArray()).toEqual(WRITTEN.tasks);
  expect(await runs.find().sort({ _id: 1 }).toArray()).toEqual(
    WRITTEN.runs.map((one) => (MISFILED.includes(one._id) ? { ...one, account_id: OTHER_ACCOUNT } : one)),
  );
});

test('a key sees the runs of its account afterwards, and those of no other', async () => {
  await upgrade(service.collections);
  for (const [accountId, expected] of [
    [ACCOUNT, OF_ACCOUNT],
    [OTHER_ACCOUNT, OF_OTHER_ACCOUNT],
  ] as const) {
    const { key } = await service.keys.create({ name: 'a key', accountId }, NOW);
    const response = await service.request('/api/tasks/runs', { headers: { 'x-api-key': key } });
    const { runs }: { runs: { id: string }[] } = await response.json();
    expect(runs.map(({ id }) => id).toSorted()).toEqual(expected);
  }
});

test('tasks of the earlier version take reports, changes and deletions', async () => {
  await upgrade(service.collections);
  const { key } = await service.keys.create({ name: 'admin', scope: 'admin' }, NOW);
  const headers = { 'x-api-key': key, 'Content-Type': 'application/json' };
  for (const { _id } of WRITTEN.tasks) {
    await service.runs.recordRuns(_id, [run(100 + Number(_id.slice(-3)))]);
    for (const [method, fields] of [
      ['PATCH', { title: 'Changed' }],
      ['DELETE', {}],
    ] as const) {
      const body = JSON.stringify({ id: _id, ...fields });
      expect((await service.request('/api/tasks', { method, headers, body })).status).toBe(200);
    }
  }
  expect(await filedUnder(ACCOUNT)).toEqual([...OF_ACCOUNT, 'run_000101', 'run_000107']);
});

test('a run that bears no account is reassigned too', async () => {
  await service.collections.runs.updateOne({ _id: 'run_000010' }, { $unset: { account_id: '' } });
  await upgrade(service.collections);
  expect(await filedUnder(ACCOUNT)).toEqual(OF_ACCOUNT);
});

test('a later start reads neither tasks nor runs', async () => {
  await upgrade(service.collections);
  service.commands.started.length = 0;
  await upgrade(service.collections);
  expect(service.commands.started.map(({ command }) => command.find)).toEqual(['upgrades']);
});

test('an upgrade that was interrupted is completed by the next start', async () => {
  const { tasks, runs } = service.collections;
  const many = Array.from({ length: 1_200 }, (_, at) => 1_000 + at);
  await tasks.insertMany(many.map((number) => task(number, { account_id: OTHER_ACCOUNT })));
  await runs.insertMany(
    many.map((number) => {
      const { id, ...fields } = run(number);
      return { ...fields, _id: id, task_id: uuid(number), account_id: ACCOUNT };
    }),
  );
  let writes = 0;
  const dying = new Proxy(runs, {
    get(target, name) {
      if (name !== 'bulkWrite') return Reflect.get(target, name).bind(target);
      return async (...args: Parameters<typeof target.bulkWrite>) => {
        writes += 1;
        if (writes === 2) throw new Error('killed');
        return target.bulkWrite(...args);
      };
    },
  });
  const interrupted: Collections = { ...service.collections, runs: dying };
  await expect(upgrade(interrupted)).rejects.toThrow('killed');
  const left = (await filedUnder(ACCOUNT)).length;
  expect(left).toBeGreaterThan(OF_ACCOUNT.length);
  expect(left).toBeLessThan(many.length);
  await upgrade(service.collections);
  expect(await filedUnder(ACCOUNT)).toEqual(OF_ACCOUNT);
});

test('several processes may start at once', async () => {
  await Promise.all([1, 2, 3, 4].map(() => upgrade(service.collections)));
  expect(await filedUnder(ACCOUNT)).toEqual(OF_ACCOUNT);
  expect(await countOf(service.collections.upgrades)).toBe(1);
});

test('an empty database stays empty', async () => {
  const { tasks, runs, upgrades } = service.collections;
  await Promise.all([tasks.deleteMany({}), runs.deleteMany({})]);
  await upgrade(service.collections);
  expect(await countOf(upgrades)).toBe(0);
});
