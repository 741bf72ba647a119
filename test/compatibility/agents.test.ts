/** Agents that call the API from a sandbox: curl, and the requests library of Python. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT, run, unseenTask, uuid } from '../support/builders.ts';
import { countOf } from '../support/count.ts';
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
  await tasks.insertMany([unseenTask(1), unseenTask(2), unseenTask(3, { account_id: OTHER_ACCOUNT })]);
});

const NEW = { title: 'New', prompt: 'Write it.', schedule: '0 9 * * *', artist_account_id: ARTIST };

describe.each(['curl', 'python'] as const)('an agent with %s', (program) => {
  const call = (method: string, path: string, body?: unknown, type = 'application/json') =>
    exchange(service, {
      method,
      path,
      headers: added[program]([
        ['x-api-key', service.key],
        ['Content-Type', type],
      ]),
      body,
    });

  test('creates, lists, changes and deletes a task of its own account', async () => {
    const [created] = (await call('POST', '/api/tasks', NEW)).body?.tasks ?? [];
    expect(created).toMatchObject({ ...NEW, account_id: ACCOUNT, artist_name: ARTIST_NAME });
    const listed = await call('GET', '/api/tasks');
    expect(listed.body?.tasks).toContainEqual(created);
    expect(listed.body?.tasks).toHaveLength(3);
    const changed = await call('PATCH', '/api/tasks', { id: created?.id, enabled: false });
    expect(changed.body?.tasks).toMatchObject([{ ...NEW, id: created?.id, enabled: false, upcoming: [] }]);
    const deleted = await call('DELETE', '/api/tasks', { id: created?.id });
    expect([deleted.status, deleted.body]).toEqual([200, { status: 'success' }]);
    expect((await call('GET', '/api/tasks')).body?.tasks).toHaveLength(2);
  });

  test('reads its runs and one of them', async () => {
    await service.runs.recordRuns(uuid(1), [run(1, { output: { summary: 'Done.' } }), run(2)]);
    const { body } = await call('GET', '/api/tasks/runs?limit=5');
    expect(body?.runs).toMatchObject([{ id: 'run_000002', title: 'Task 1' }, { id: 'run_000001' }]);
    const one = await call('GET', '/api/tasks/runs?runId=run_000001');
    expect(one.body?.runs).toMatchObject([{ status: 'COMPLETED', output: { summary: 'Done.' } }]);
  });

  test('learns which query parameters exist when it sends an unknown one', async () => {
    const { status, body } = await call('GET', `/api/tasks?artist_id=${ARTIST}`);
    expect([status, body?.tasks]).toEqual([400, []]);
    expect(body?.error).toBe(
      'Unknown query parameter "artist_id". Allowed parameters: id, account_id, artist_account_id, enabled, q, last_status, runs, limit, cursor.',
    );
  });

  test('learns the values of a flag when it sends another', async () => {
    const { status, body } = await call('GET', '/api/tasks?enabled=1');
    expect([status, body?.error]).toEqual([400, 'Query parameter "enabled" must be true or false.']);
  });

  test('learns of a field that does not exist, and creates nothing', async () => {
    const { status, body } = await call('POST', '/api/tasks', { ...NEW, cron: '0 9 * * *' });
    expect([status, await countOf(service.collections.tasks)]).toEqual([400, 3]);
    expect(body?.error).toContain('"cron"');
  });

  test.each([
    ['a title of 201 characters', { title: 'x'.repeat(201) }, '"title"'],
    ['a prompt of 100,001 characters', { prompt: 'x'.repeat(100_001) }, '"prompt"'],
    ['a model of 201 characters', { model: 'x'.repeat(201) }, '"model"'],
    ['a schedule that never fires', { schedule: '0 0 30 2 *' }, '"schedule"'],
    ['a schedule with seconds', { schedule: '0 0 9 * * *' }, '"schedule"'],
    ['an unknown time zone', { timezone: 'Mars/Base' }, '"timezone"'],
  ])('is refused %s, and creates nothing', async (_what, fields, named) => {
    const { status, body } = await call('POST', '/api/tasks', { ...NEW, ...fields });
    expect([status, await countOf(service.collections.tasks)]).toEqual([400, 3]);
    expect(body?.error).toContain(named);
  });

  test('learns that a body needs the content type of JSON', async () => {
    const { status, body } = await call('POST', '/api/tasks', NEW, 'application/x-www-form-urlencoded');
    expect([status, await countOf(service.collections.tasks)]).toEqual([415, 3]);
    expect(body?.error).toContain('Content-Type: application/json');
  });

  test('learns that two credentials are one too many', async () => {
    const headers = added[program]([
      ['x-api-key', service.key],
      ['Authorization', `Bearer ${service.key}`],
    ]);
    const { status, body } = await exchange(service, { method: 'GET', path: '/api/tasks', headers });
    expect([status, body?.error]).toEqual([
      401,
      'The request has both x-api-key and Authorization; send one of them.',
    ]);
  });
});
