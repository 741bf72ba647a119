import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { listTasks, updateTask } from '../../../generated/sdk.gen.ts';
import type { UpdateTaskRequest } from '../../../generated/types.gen.ts';
import { ACCOUNT, OTHER_ACCOUNT, run, task, unseenTask, uuid } from '../../support/builders.ts';
import type { TaskDocument } from '../../../src/store/task-document.ts';
import { NOW, type Service, startService } from '../../support/service.ts';
import { countOf } from '../../support/count.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
const id = uuid(1);
beforeEach(async () => {
  await service.collections.tasks.deleteMany({});
  others = unseenTask(2);
  await service.collections.tasks.insertMany([unseenTask(1), others]);
});
let others: TaskDocument;

const update = (body: Omit<UpdateTaskRequest, 'id'>) =>
  updateTask({ client: service.client, body: { id, ...body } });
/** Without the marks of changes, which differ each time. */
const stored = (of = id) => service.collections.tasks.findOne({ _id: of }, { projection: { changes: 0 } });

describe('a change', () => {
  test.each([
    [{ title: 'New' }],
    [{ prompt: 'New' }],
    [{ schedule: '5 5 * * *' }],
    [{ timezone: 'Europe/Berlin' }],
    [{ artist_account_id: OTHER_ACCOUNT }],
    [{ enabled: false }],
    [{ enabled: null }],
    [{ model: 'large' }],
    [{ model: null }],
    [{ overlap: 'queue' as const }],
    [{ catch_up: 'all' as const }],
    [{ timeout_seconds: 86_400 }],
    [{ max_attempts: 10 }],
  ])('of %j changes that, and increments the version', async (change) => {
    const before = await stored();
    const { data } = await update(change);
    expect(data?.tasks[0]).toMatchObject({ id, ...change });
    const version = Number(before?.version) + 1;
    // plan.test.ts shows what becomes of these.
    const { plan_from: _from, next_fire_at: _next, ...after } = { ...(await stored()) };
    expect(after).toEqual({ ...before, ...change, updated_at: NOW, version });
    expect(await stored(others._id)).toEqual(others);
    const { data: listed } = await listTasks({ client: service.client, query: { id } });
    expect(listed?.tasks).toEqual(data?.tasks);
  });

  test.each([
    ['the schedule', { schedule: '0 10 * * *' }, ['2026-11-24T10:00:00.000Z', '2026-11-25T10:00:00.000Z']],
    [
      'the time zone',
      { timezone: 'America/New_York' },
      ['2026-11-26T14:00:00.000Z', '2026-12-03T14:00:00.000Z'],
    ],
    ['enabled', { enabled: false }, []],
  ])('of %s shows in the next fire times at once', async (_what, change, times) => {
    const { data } = await update(change);
    expect(data?.tasks[0]?.upcoming.slice(0, 2)).toEqual(times);
  });

  test('sets updated_at, which runs do not change', async () => {
    const created_at = unseenTask(1).created_at.toISOString();
    const read = async () => {
      const { data } = await listTasks({ client: service.client, query: { id } });
      return data?.tasks[0];
    };
    expect(await read()).toMatchObject({ created_at, updated_at: created_at });
    service.clock.now = new Date('2026-11-23T12:34:56.789Z');
    const { data } = await update({ title: 'New' });
    service.clock.now = NOW;
    expect(data?.tasks[0]).toMatchObject({ created_at, updated_at: '2026-11-23T12:34:56.789Z' });
    await service.runs.recordRuns(id, [run(1)]);
    expect(await read()).toMatchObject({ created_at, updated_at: '2026-11-23T12:34:56.789Z' });
  });

  test('keeps the runs of the task', async () => {
    await service.runs.recordRuns(id, [run(1), run(2)]);
    const { data } = await update({ title: 'New' });
    expect(data?.tasks[0]?.recent_runs.map((one) => one.id)).toEqual(['run_000002', 'run_000001']);
  });

  test('and another one of other fields, at the same time, both hold', async () => {
    const before = await stored();
    const changes = Array.from({ length: 10 }, (_, at) => [
      update({ title: `T${at}` }),
      update({ prompt: `P${at}` }),
      service.runs.recordRuns(id, [run(at)]),
    ]).flat();
    await Promise.all(changes);
    const after = await stored();
    expect(after?.title).toMatch(/^T\d$/);
    expect(after?.prompt).toMatch(/^P\d$/);
    // The reports increment it before and after they are written, after it together.
    expect(after?.version).toBeGreaterThan(Number(before?.version) + 30);
    expect(after?.recent_runs.map((one) => one.id)).toEqual([9, 8, 7, 6, 5].map((at) => `run_00000${at}`));
  });
});

describe('a change is refused, and nothing is changed, when', () => {
  test.each([
    ['it names nothing', {}, 'invalid_body', 'has no field to change. Allowed fields: id, title'],
    [
      'it names nothing but the account',
      { account_id: ACCOUNT },
      'invalid_body',
      'has no field to change. Allowed fields: id, title',
    ],
    ['a field is unknown', { name: 'x' }, 'invalid_body', 'Field "name" is unknown'],
    ['a read-only field is named', { created_at: '2026-01-01T00:00:00Z' }, 'invalid_body', 'created_at'],
    ['a text is null', { title: null }, 'invalid_body', 'Field "title" must be string'],
    [
      'the schedule is wrong, though the title is good',
      { title: 'x', schedule: '61 * * * *' },
      'invalid_schedule',
      'minute',
    ],
    ['the overlap is unknown', { overlap: 'no' }, 'invalid_body', 'one of skip, queue, allow, null'],
    [
      'a time-out is longer than a day',
      { timeout_seconds: 86_401 },
      'invalid_body',
      'Field "timeout_seconds" must be an integer from 1 to 86400 or null.',
    ],
    ['the time zone is unknown', { timezone: 'x' }, 'invalid_timezone', 'timezone'],
  ])('%s', async (_what, change, code, message) => {
    const response = await service.request('/api/tasks', {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ id, ...change }),
    });
    const body = await response.json();
    expect([response.status, body.code]).toEqual([400, code]);
    expect(body.error).toContain(message);
    expect(await stored()).toEqual({ ...task(1), version: expect.any(Number) });
  });

  test('there is no such task', async () => {
    const { error, response } = await updateTask({
      client: service.client,
      body: { id: uuid(9), title: 'x' },
    });
    expect(response.status).toBe(404);
    expect(error).toMatchObject({ code: 'task_not_found', error: `There is no task ${uuid(9)}.`, tasks: [] });
    expect(await countOf(service.collections.tasks)).toBe(2);
  });
});

describe('an admin who names an account', () => {
  const letters = 'abcdefab-0000-4000-8000-000000000001';

  test('changes a task of that account, which stays its owner', async () => {
    await service.collections.tasks.insertOne(task(4, { account_id: letters }));
    for (const account_id of [letters, letters.toUpperCase()]) {
      const { data } = await updateTask({
        client: service.client,
        body: { id: uuid(4), account_id, title: account_id },
      });
      expect(data?.tasks[0]).toMatchObject({ title: account_id, account_id: letters });
    }
    expect(await stored(uuid(4))).toEqual(
      task(4, { account_id: letters, title: letters.toUpperCase(), updated_at: NOW, version: 3 }),
    );
  });

  test('changes no task of another account', async () => {
    const before = await stored();
    const { error, response } = await update({ account_id: OTHER_ACCOUNT, title: 'x' });
    expect(response.status).toBe(403);
    expect(error).toMatchObject({
      code: 'account_forbidden',
      error: `Field "account_id" is not the owner of task ${id}. Send the owner's account, or omit the field.`,
      tasks: [],
    });
    expect(await stored()).toEqual(before);
  });

  test('gets 404 where there is no such task', async () => {
    const { error, response } = await updateTask({
      client: service.client,
      body: { id: uuid(9), account_id: OTHER_ACCOUNT, title: 'x' },
    });
    expect([response.status, error?.code]).toEqual([404, 'task_not_found']);
  });
});

test('the id may be in capitals', async () => {
  const mixed = 'abcdefab-0000-4000-8000-000000000001';
  await service.collections.tasks.insertOne(task(3, { _id: mixed, account_id: ACCOUNT }));
  const { data } = await updateTask({
    client: service.client,
    body: { id: mixed.toUpperCase(), title: 'x' },
  });
  expect(data?.tasks[0]).toMatchObject({ id: mixed, title: 'x' });
});
