/** The worker's task customer-prompt-task: it reads the task of its schedule's externalId, with an admin key. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT, unseenTask, uuid } from '../support/builders.ts';
import { added, exchange, startForConsumers } from './consumers.ts';

let service: Awaited<ReturnType<typeof startForConsumers>>;
beforeAll(async () => {
  service = await startForConsumers();
});
afterAll(() => service.close());
beforeEach(() => service.collections.tasks.deleteMany({}));

const fetchTask = (externalId: string, headers: [string, string][]) =>
  exchange(service, {
    method: 'GET',
    path: `/api/tasks?id=${externalId}`,
    headers: added.node([['Content-Type', 'application/json'], ...headers]),
  });
const apiKey = (key = service.adminKey): [string, string][] => [['x-api-key', key]];

test.each([
  ['of one account', {}],
  ['of another account', { account_id: OTHER_ACCOUNT }],
  ['with a model', { model: 'large' }],
  ['without a model', { model: null }],
  ['that is disabled', { enabled: false }],
  ['whose enabled is null', { enabled: null }],
])('the worker gets a list with the one task %s', async (_what, fields) => {
  await service.collections.tasks.insertMany([unseenTask(1, fields), unseenTask(2), unseenTask(3)]);
  const { status, body } = await fetchTask(uuid(1), apiKey());
  expect([status, body?.status]).toEqual([200, 'success']);
  const expected = {
    id: uuid(1),
    title: 'Task 1',
    prompt: 'Write a caption.',
    schedule: '0 9 * * 4',
    account_id: ACCOUNT,
    artist_account_id: ARTIST,
    enabled: true,
    ...fields,
  };
  expect(body?.tasks).toEqual([expect.objectContaining(expected)]);
});

test('the worker gets an empty list for a deleted task', async () => {
  await service.collections.tasks.insertOne(unseenTask(2));
  const { status, body } = await fetchTask(uuid(1), apiKey());
  expect([status, body]).toEqual([200, { status: 'success', tasks: [] }]);
});

test('the worker gets an error, not an empty list, for an externalId that is no task id', async () => {
  const { status, body } = await fetchTask('schedule-1', apiKey());
  expect([status, body?.status]).toEqual([400, 'error']);
  expect(body?.error).toContain('"id" must be a UUID');
});

test("a worker with an account key gets that account's tasks alone", async () => {
  await service.collections.tasks.insertMany([unseenTask(1), unseenTask(2, { account_id: OTHER_ACCOUNT })]);
  expect((await fetchTask(uuid(1), apiKey(service.key))).body?.tasks).toHaveLength(1);
  expect((await fetchTask(uuid(2), apiKey(service.key))).body?.tasks).toEqual([]);
});

test('a worker without a key is refused', async () => {
  await service.collections.tasks.insertOne(unseenTask(1));
  const { status, body } = await fetchTask(uuid(1), []);
  expect([status, body?.tasks]).toEqual([401, []]);
  expect(body?.error).toContain('x-api-key');
});
