import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createIndexes } from '../src/database/collections.ts';
import { type Service, startService } from './support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

test('the indexes that listings and histories need exist after start, and starting again changes nothing', async () => {
  const keys = async () => ({
    tasks: (await service.collections.tasks.indexes()).map(({ key }) => Object.entries(key)),
    runs: (await service.collections.runs.indexes()).map(({ key }) => Object.entries(key)),
  });
  const created = await keys();
  expect(created.tasks).toEqual([
    [['_id', 1]],
    [
      ['created_at', -1],
      ['_id', 1],
    ],
    [
      ['account_id', 1],
      ['created_at', -1],
      ['_id', 1],
    ],
    [
      ['artist_account_id', 1],
      ['created_at', -1],
      ['_id', 1],
    ],
  ]);
  expect(created.runs).toEqual([
    [['_id', 1]],
    [
      ['task_id', 1],
      ['createdAt', -1],
      ['_id', -1],
    ],
  ]);
  await createIndexes(service.collections);
  expect(await keys()).toEqual(created);
});
