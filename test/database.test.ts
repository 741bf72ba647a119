import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createIndexes } from '../src/database/collections.ts';
import { type Service, startService } from './support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

test('the indexes that listings and histories need exist after start, and starting again changes nothing', async () => {
  const of = async (name: 'tasks' | 'runs' | 'api_keys' | 'idempotency_keys') =>
    (await service.db.collection(name).indexes()).map(({ key }) =>
      Object.entries(key)
        .map(([field, direction]) => `${field} ${direction}`)
        .join(', '),
    );
  const keys = async () => ({
    tasks: await of('tasks'),
    runs: await of('runs'),
    api_keys: await of('api_keys'),
    idempotency_keys: await of('idempotency_keys'),
  });
  const created = await keys();
  expect(created).toEqual({
    tasks: [
      '_id 1',
      'created_at -1, _id 1',
      'account_id 1, created_at -1, _id 1',
      'artist_account_id 1, created_at -1, _id 1',
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
  });
  await createIndexes(service.collections);
  expect(await keys()).toEqual(created);
});
