import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createIndexes } from '../../src/store/collections.ts';
import { ACCOUNT, ARTIST, task } from '../support/builders.ts';
import { type Service, startService } from '../support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
  // startService drops an index that the tests' clock does not suit.
  await createIndexes(service.collections);
});
afterAll(() => service.close());

async function indexKeys(name: keyof Service['collections']) {
  return (await service.db.collection(name).indexes()).map(({ key }) =>
    Object.entries(key)
      .map(([field, direction]) => `${field} ${direction}`)
      .join(', '),
  );
}

test('the indexes that listings and histories need exist after start, and starting again changes nothing', async () => {
  const keys = async () => ({
    tasks: await indexKeys('tasks'),
    runs: await indexKeys('runs'),
    api_keys: await indexKeys('api_keys'),
    idempotency_keys: await indexKeys('idempotency_keys'),
    run_queue: await indexKeys('run_queue'),
    occurrences: await indexKeys('occurrences'),
    deleted_tasks: await indexKeys('deleted_tasks'),
    cancel_requests: await indexKeys('cancel_requests'),
  });
  const created = await keys();
  expect(created).toEqual({
    tasks: [
      '_id 1',
      'created_at -1, _id 1, version 1, enabled 1',
      'account_id 1, created_at -1, _id 1, version 1, enabled 1, artist_account_id 1',
      'artist_account_id 1, created_at -1, _id 1, version 1, enabled 1',
      'next_fire_at 1',
    ],
    runs: [
      '_id 1',
      'task_id 1, createdAt -1, _id -1',
      'task_id 1, status 1, createdAt -1, _id -1',
      'account_id 1, createdAt -1, _id -1',
      'account_id 1, status 1, createdAt -1, _id -1',
      'createdAt -1, _id -1',
      'status 1, createdAt -1, _id -1',
    ],
    api_keys: ['_id 1', 'hash 1'],
    idempotency_keys: ['_id 1', 'expires_at 1'],
    run_queue: ['_id 1', 'owner 1, account_id 1, not_before 1', 'task_id 1', 'account_id 1, _id 1', 'slot 1'],
    occurrences: [
      '_id 1',
      'task_id 1, scheduled_at -1, _id 1',
      'account_id 1, scheduled_at -1, _id 1',
      'scheduled_at -1, _id 1',
      'expires_at 1',
    ],
    deleted_tasks: ['_id 1', 'pending 1', 'expires_at 1'],
    cancel_requests: ['_id 1', 'expires_at 1'],
  });
  await createIndexes(service.collections);
  expect(await keys()).toEqual(created);
});

test('indexes of earlier versions are dropped, by however many processes at once, and no index of others is', async () => {
  const { tasks } = service.collections;
  const created = await indexKeys('tasks');
  await tasks.createIndexes([
    { key: { created_at: -1, _id: 1 } },
    { key: { account_id: 1, created_at: -1, _id: 1 } },
    { key: { artist_account_id: 1, created_at: -1, _id: 1 } },
  ]);
  await Promise.all([1, 2, 3, 4].map(() => createIndexes(service.collections)));
  expect(await indexKeys('tasks')).toEqual(created);

  // The name of one of ours with another key, the key of one with another name, and neither.
  await tasks.createIndex({ title: 1 }, { name: 'created_at_-1__id_1' });
  await tasks.createIndex({ account_id: 1, created_at: -1, _id: 1 }, { name: 'theirs' });
  await tasks.createIndex({ created_at: -1 });
  await createIndexes(service.collections);
  expect(await indexKeys('tasks')).toEqual([
    ...created,
    'title 1',
    'account_id 1, created_at -1, _id 1',
    'created_at -1',
  ]);
});

// Not every server can explain.
const testEmbedded = process.env.MONGODB_URI ? test.skip : test;
testEmbedded.each<Record<string, unknown>>([
  {},
  { account_id: ACCOUNT },
  { artist_account_id: ARTIST },
  { account_id: ACCOUNT, artist_account_id: ARTIST },
])('the versions of the tasks of %j are read from an index alone, enabled or not', async (accounts) => {
  const { tasks } = service.collections;
  await tasks.deleteMany({});
  await tasks.insertMany([1, 2, 3].map((number) => task(number, { enabled: number !== 1 })));
  for (const [enabled, returned] of [
    [undefined, 3],
    [{ $ne: false }, 2],
    [false, 1],
  ] as const) {
    const plan = await tasks
      .find(enabled === undefined ? accounts : { ...accounts, enabled })
      .project({ version: 1, created_at: 1 })
      .sort({ created_at: -1, _id: 1 })
      .limit(1_001)
      .explain('executionStats');
    expect(plan['executionStats']).toMatchObject({ nReturned: returned, totalDocsExamined: 0 });
    expect(JSON.stringify(plan['queryPlanner'])).not.toContain('"SORT"');
  }
});
