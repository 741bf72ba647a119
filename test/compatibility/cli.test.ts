/** The original's command line: Node's fetch with x-api-key and Content-Type on every call, also without a body. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT, run, unseenTask, uuid } from '../support/builders.ts';
import { added, exchange, startForConsumers } from './consumers.ts';

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
    ['x-api-key', key],
    ['Content-Type', 'application/json'],
  ]);
  return exchange(service, { method, path, headers, body });
}
const owners = async () =>
  (await service.collections.tasks.find().sort({ _id: 1 }).toArray()).map((task) => task.account_id);
const OWNERS = [ACCOUNT, ACCOUNT, ACCOUNT, OTHER_ACCOUNT];

describe('recoup tasks', () => {
  test.each([
    ['list', '', [3, 2, 1]],
    ['list --account', `?account_id=${ACCOUNT}`, [3, 2, 1]],
    ['list --artist', `?artist_account_id=${uuid(7)}`, [2]],
    ['list --enabled true', '?enabled=true', [2, 1]],
    ['list --enabled false', '?enabled=false', [3]],
  ])('%s prints the tasks that match, and no others', async (_command, query, numbers) => {
    const { status, body } = await call('GET', `/api/tasks${query}`);
    expect([status, body?.status]).toEqual([200, 'success']);
    expect(body?.tasks?.map(({ id }) => id)).toEqual(numbers.map(uuid));
    expect(body?.tasks?.at(-1)).toMatchObject({ title: expect.any(String), schedule: '0 9 * * 4' });
  });

  const NEW = { title: 'New', prompt: 'Write it.', schedule: '0 9 * * *', artist_account_id: ARTIST };

  test.each([
    ['create', {}, 'key', ACCOUNT],
    ['create --model', { model: 'large' }, 'key', ACCOUNT],
    ['create --account, with its own account', { account_id: ACCOUNT }, 'key', ACCOUNT],
    ['create --account, with an admin key', { account_id: OTHER_ACCOUNT }, 'adminKey', OTHER_ACCOUNT],
  ] as const)('%s creates the task and prints its id', async (_command, options, key, account_id) => {
    const { status, body } = await call('POST', '/api/tasks', { ...NEW, ...options }, service[key]);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'success',
      tasks: [{ ...NEW, ...options, account_id, id: expect.stringMatching(/^[0-9a-f-]{36}$/) }],
    });
  });

  test.each([
    ['an account key', uuid(1), ACCOUNT, 'key'],
    ['an admin key', uuid(4), OTHER_ACCOUNT, 'adminKey'],
  ] as const)(
    'update --account acts for the owner of the task and never changes it, with %s',
    async (_whose, id, account_id, key) => {
      const { status, body } = await call(
        'PATCH',
        '/api/tasks',
        { id, title: 'New', enabled: true, account_id },
        service[key],
      );
      expect(status).toBe(200);
      expect(body?.tasks).toMatchObject([{ id, title: 'New', enabled: true, account_id }]);
      expect(await owners()).toEqual(OWNERS);
    },
  );

  test.each([
    ['an account key', OTHER_ACCOUNT, 'key'],
    ['an admin key', OTHER_ACCOUNT, 'adminKey'],
  ] as const)(
    'update --account with another account than the owner is 403, with %s',
    async (_whose, account_id, key) => {
      const { status, body } = await call(
        'PATCH',
        '/api/tasks',
        { id: uuid(1), title: 'New', account_id },
        service[key],
      );
      expect([status, body?.status]).toEqual([403, 'error']);
      expect(body?.error).toContain('account_id');
      expect(await owners()).toEqual(OWNERS);
    },
  );

  test.each([
    ['{id}', { id: uuid(1) }, 'key'],
    ['{id, account_id}', { id: uuid(1), account_id: ACCOUNT }, 'key'],
    ['{id}, with an admin key', { id: uuid(1) }, 'adminKey'],
    ['{id, account_id}, with an admin key', { id: uuid(1), account_id: ACCOUNT }, 'adminKey'],
  ] as const)('delete sends %s and gets the status alone', async (_what, body, key) => {
    const reply = await call('DELETE', '/api/tasks', body, service[key]);
    expect([reply.status, reply.body]).toEqual([200, { status: 'success' }]);
    expect(await owners()).toEqual(OWNERS.slice(1));
  });

  test('delete with another account than the owner is 403 and deletes nothing', async () => {
    for (const key of [service.key, service.adminKey]) {
      const { status } = await call('DELETE', '/api/tasks', { id: uuid(1), account_id: OTHER_ACCOUNT }, key);
      expect(status).toBe(403);
    }
    expect(await owners()).toEqual(OWNERS);
  });

  test.each([
    ['runs', '', 20],
    ['runs --limit', '?limit=10', 10],
    ['runs --account', `?account_id=${ACCOUNT}`, 20],
  ])('%s prints the last runs of the account', async (_command, query, count) => {
    await service.runs.recordRuns(
      uuid(1),
      Array.from({ length: 25 }, (_, at) => run(at)),
    );
    await service.runs.recordRuns(uuid(4), [run(99)]);
    const { status, body } = await call('GET', `/api/tasks/runs${query}`);
    expect(status).toBe(200);
    expect(body?.runs).toHaveLength(count);
    expect(body?.runs?.[0]).toMatchObject({
      id: 'run_000024',
      status: 'COMPLETED',
      createdAt: run(24).createdAt.toISOString(),
    });
  });

  test('status --run prints the status and the output of the run', async () => {
    const output = { video: { signedUrl: 'https://media.example/video' } };
    await service.runs.recordRuns(uuid(1), [run(1, { output })]);
    const { status, body } = await call('GET', '/api/tasks/runs?runId=run_000001');
    expect(status).toBe(200);
    expect(body?.runs).toMatchObject([{ id: 'run_000001', status: 'COMPLETED', output }]);
  });

  test("status --run is 404 for another account's run, as for an unknown one", async () => {
    await service.runs.recordRuns(uuid(4), [run(99)]);
    for (const id of [run(99).id, run(98).id]) {
      const { status, body } = await call('GET', `/api/tasks/runs?runId=${id}`);
      expect([status, body?.error]).toEqual([404, `There is no run ${id} that matches the filters.`]);
    }
  });
});

/** The command line prints `error`, or `message` where there is no `error`. */
describe('the command line prints the error of a reply that is', () => {
  test.each<[number, string, string, string, unknown, string]>([
    [400, 'a bad limit', 'GET', '/api/tasks/runs?limit=0', undefined, 'limit'],
    [400, 'a bad schedule', 'PATCH', '/api/tasks', { id: uuid(1), schedule: 'x x x x x' }, '"schedule"'],
    [400, 'a bad time zone', 'PATCH', '/api/tasks', { id: uuid(1), timezone: 'Mars/Base' }, '"timezone"'],
    [403, 'another account', 'GET', `/api/tasks?account_id=${OTHER_ACCOUNT}`, undefined, '"account_id"'],
    [404, 'an unknown task', 'DELETE', '/api/tasks', { id: uuid(9) }, uuid(9)],
    [404, 'an unknown run', 'GET', '/api/tasks/runs?runId=run_x', undefined, 'run_x'],
  ])('%i, for %s', async (expected, _what, method, path, sent, named) => {
    const { status, body } = await call(method, path, sent);
    expect([status, body?.status]).toEqual([expected, 'error']);
    expect(body?.error).toContain(named);
  });

  test('401, for an unknown key', async () => {
    const { status, body } = await call('GET', '/api/tasks', undefined, 'recoup_unknown');
    expect(status).toBe(401);
    expect(body?.error).toContain('x-api-key');
  });
});
