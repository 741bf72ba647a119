/** The calls that the original's MCP tools stand for, over HTTP: Node's fetch with a bearer key. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT, run, unseenTask, uuid } from '../support/builders.ts';
import { ARTIST_NAME, added, exchange, startForConsumers } from './consumers.ts';

let service: Awaited<ReturnType<typeof startForConsumers>>;
beforeAll(async () => {
  service = await startForConsumers();
});
afterAll(() => service.close());
beforeEach(async () => {
  const { tasks, runs } = service.collections;
  await tasks.deleteMany({});
  await runs.deleteMany({});
  await tasks.insertMany([
    unseenTask(1),
    unseenTask(2, { enabled: null, artist_account_id: uuid(7) }),
    unseenTask(3, { enabled: false }),
    unseenTask(4, { account_id: OTHER_ACCOUNT }),
  ]);
});

function call(method: string, path: string, body?: unknown, key = service.key) {
  const headers = added.node([
    ['Authorization', `Bearer ${key}`],
    ['Content-Type', 'application/json'],
  ]);
  return exchange(service, { method, path, headers, body });
}

const NEW = { title: 'New', prompt: 'Write it.', schedule: '0 9 * * *', artist_account_id: ARTIST };

test.each([{}, { model: 'large' }, { timezone: 'Europe/Berlin' }])(
  'create_task creates a task of the caller, with %j',
  async (options) => {
    const { status, body } = await call('POST', '/api/tasks', { ...NEW, ...options });
    expect(status).toBe(200);
    const expected = { ...NEW, ...options, account_id: ACCOUNT, artist_name: ARTIST_NAME };
    expect(body?.tasks).toEqual([expect.objectContaining(expected)]);
  },
);

test.each([
  ['nothing', '', [3, 2, 1]],
  ['account_id', `?account_id=${ACCOUNT}`, [3, 2, 1]],
  ['artist_account_id', `?artist_account_id=${uuid(7)}`, [2]],
  ['enabled: true', '?enabled=true', [2, 1]],
  ['enabled: false', '?enabled=false', [3]],
  ['id', `?id=${uuid(2)}`, [2]],
  ['id and enabled', `?id=${uuid(2)}&enabled=false`, []],
])('get_tasks with %s returns every match', async (_arguments, query, numbers) => {
  const { status, body } = await call('GET', `/api/tasks${query}`);
  expect([status, body?.status]).toEqual([200, 'success']);
  expect(body?.tasks?.map(({ id }) => id)).toEqual(numbers.map(uuid));
});

test('get_tasks with an admin key returns the tasks of every account', async () => {
  const { body } = await call('GET', '/api/tasks', undefined, service.adminKey);
  expect(body?.tasks?.map(({ id }) => id)).toEqual([4, 3, 2, 1].map(uuid));
});

test.each([
  { title: 'New' },
  { prompt: 'New' },
  { schedule: '5 5 * * *' },
  { model: 'large' },
  { timezone: 'Europe/Berlin' },
  { enabled: false },
])('update_task changes %j and leaves the other fields', async (change) => {
  const before = (await call('GET', `/api/tasks?id=${uuid(1)}`)).body?.tasks?.[0];
  const { status, body } = await call('PATCH', '/api/tasks', { id: uuid(1), ...change });
  expect(status).toBe(200);
  expect(body?.tasks).toEqual([
    { ...before, ...change, updated_at: expect.any(String), upcoming: expect.any(Array) },
  ]);
});

test('delete_task deletes the task', async () => {
  expect(await call('DELETE', '/api/tasks', { id: uuid(1) })).toMatchObject({
    status: 200,
    body: { status: 'success' },
  });
  expect((await call('GET', `/api/tasks?id=${uuid(1)}`)).body?.tasks).toEqual([]);
});

test('get_task_run_status returns the run with its metadata and output', async () => {
  const metadata = { currentStep: 'Draft', logs: ['a', 'b'] };
  await service.runs.recordRuns(uuid(1), [run(1, { metadata, output: { summary: 'Done.' } })]);
  const { status, body } = await call('GET', '/api/tasks/runs?runId=run_000001');
  expect(status).toBe(200);
  expect(body?.runs).toMatchObject([
    { id: 'run_000001', status: 'COMPLETED', title: 'Task 1', metadata, output: { summary: 'Done.' } },
  ]);
});

describe('a tool reports the error of the reply', () => {
  test.each<[string, string, string, unknown, number, string]>([
    ['create_task', 'POST', '/api/tasks', { ...NEW, schedule: '0 9 * *' }, 400, '"schedule"'],
    ['update_task', 'PATCH', '/api/tasks', { id: uuid(4), title: 'New' }, 404, uuid(4)],
    ['delete_task', 'DELETE', '/api/tasks', { id: uuid(4) }, 404, uuid(4)],
    ['get_task_run_status', 'GET', '/api/tasks/runs?runId=run_x', undefined, 404, 'run_x'],
  ])('%s', async (_tool, method, path, sent, expected, named) => {
    const { status, body } = await call(method, path, sent);
    expect([status, body?.status]).toEqual([expected, 'error']);
    expect(body?.error).toContain(named);
  });
});
