/** The plan of a task, and its fields for the engine, after its creation and changes. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createTask, listTasks, updateTask } from '../../../generated/sdk.gen.ts';
import type { CreateTaskRequest, UpdateTaskRequest } from '../../../generated/types.gen.ts';
import type { TaskDocument } from '../../../src/store/task-document.ts';
import { ACCOUNT, ARTIST, unseenTask, uuid } from '../../support/builders.ts';
import { NOW, type Service, startService } from '../../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(async () => {
  await service.collections.tasks.deleteMany({});
});

const PLANNED = {
  plan_from: new Date('2026-11-01T00:00:00Z'),
  next_fire_at: new Date('2026-11-26T09:00:00Z'),
};
const NONE = { plan_from: undefined, next_fire_at: undefined };
const ANEW = { plan_from: NOW, next_fire_at: NOW };
const stored = (_id = uuid(1)) => service.collections.tasks.findOne({ _id });
const planOf = async (id?: string) => {
  const { plan_from, next_fire_at } = { ...(await stored(id)) };
  return { plan_from, next_fire_at };
};
const store = (fields: Partial<TaskDocument> = {}) =>
  service.collections.tasks.insertOne(unseenTask(1, { timezone: 'UTC', ...PLANNED, ...fields }));
const update = (body: Omit<UpdateTaskRequest, 'id'>) =>
  updateTask({ client: service.client, body: { id: uuid(1), ...body } });
const create = async (fields: Partial<CreateTaskRequest> = {}) => {
  const body = {
    title: 'T',
    prompt: 'P',
    schedule: '0 9 * * 4',
    account_id: ACCOUNT,
    artist_account_id: ARTIST,
  };
  const { data } = await createTask({ client: service.client, body: { ...body, ...fields } });
  return data?.tasks[0];
};

describe('a new task', () => {
  test.each([{}, { enabled: true }])('is planned from its creation: %j', async (fields) => {
    expect(await planOf((await create(fields))?.id)).toEqual(ANEW);
  });

  test('is not planned if it is disabled', async () => {
    expect(await planOf((await create({ enabled: false }))?.id)).toEqual(NONE);
  });
});

describe('the plan of an enabled task', () => {
  test.each<Omit<UpdateTaskRequest, 'id'>>([
    { schedule: '0 10 * * 4' },
    { timezone: 'Europe/Berlin' },
    { schedule: '0 9 * * 4', timezone: 'Europe/Berlin' },
    { schedule: '0 10 * * 4', enabled: true },
  ])('starts anew with the change %j', async (change) => {
    await store();
    await update(change);
    expect(await planOf()).toEqual(ANEW);
  });

  test.each<Omit<UpdateTaskRequest, 'id'>>([
    { title: 'New' },
    { overlap: 'allow' },
    { schedule: '0 9 * * 4' },
    { timezone: 'UTC' },
    { enabled: true },
    { enabled: null },
    { schedule: '0 9 * * 4', timezone: 'UTC', enabled: true, title: 'New' },
  ])('stays with the change %j', async (change) => {
    await store();
    const before = await stored();
    await update(change);
    expect(await planOf()).toEqual(PLANNED);
    expect(await stored()).toMatchObject({ ...change, version: Number(before?.version) + 1 });
  });

  test.each<Omit<UpdateTaskRequest, 'id'>>([{ enabled: false }, { enabled: false, schedule: '0 10 * * 4' }])(
    'makes the task due with the change %j, so that the engine sees that it is disabled',
    async (change) => {
      await store();
      await update(change);
      expect(await planOf()).toEqual(ANEW);
      expect(await stored()).toMatchObject(change);
    },
  );
});

test.each([
  [{ enabled: false }, NONE],
  [{ enabled: false, schedule: '0 9 * * 4', title: 'New' }, NONE],
  [{ enabled: false, schedule: '0 10 * * 4' }, ANEW],
  [{ schedule: '0 10 * * 4' }, ANEW],
])('a disabled task has this plan after the change %j: %j', async (change, plan) => {
  await store({ enabled: false });
  await service.collections.tasks.updateOne({ _id: uuid(1) }, { $unset: { plan_from: 1, next_fire_at: 1 } });
  await update(change);
  expect(await planOf()).toEqual(plan);
});

test.each([{ enabled: true }, { enabled: null }, { enabled: true, schedule: '0 9 * * 4' }])(
  'a disabled task is planned anew with the change %j',
  async (change) => {
    await store({ enabled: false, ...NONE });
    await update(change);
    expect(await planOf()).toEqual(ANEW);
  },
);

test.each([
  [{ enabled: true }, ANEW],
  [{ title: 'New' }, NONE],
])(
  'an enabled task that has no plan, such as a sample, has this one after the change %j: %j',
  async (change, plan) => {
    await store();
    await service.collections.tasks.updateOne(
      { _id: uuid(1) },
      { $unset: { plan_from: 1, next_fire_at: 1 } },
    );
    await update(change);
    expect(await planOf()).toEqual(plan);
  },
);

describe('each field for the engine', () => {
  const settings = { overlap: 'queue', catch_up: 'all', timeout_seconds: 60, max_attempts: 3 } as const;

  test('is absent unless the task was created with it', async () => {
    const plain = await create();
    for (const name of Object.keys(settings)) expect(plain).not.toHaveProperty(name);
    const task = await create(settings);
    expect(task).toMatchObject(settings);
    const { data } = await listTasks({ client: service.client, query: { id: task?.id } });
    expect(data?.tasks).toEqual([task]);
  });

  test('is removed by null, alone or beside other changes', async () => {
    await store(settings);
    const { data } = await update({ overlap: null });
    expect(data?.tasks[0]).not.toHaveProperty('overlap');
    expect(data?.tasks[0]).toMatchObject({ catch_up: 'all', timeout_seconds: 60, max_attempts: 3 });
    await update({ catch_up: null, timeout_seconds: null, max_attempts: 4, title: 'New' });
    const { overlap, catch_up, timeout_seconds, ...others } = { ...(await stored()) };
    expect([overlap, catch_up, timeout_seconds]).toEqual([undefined, undefined, undefined]);
    expect(others).toMatchObject({ max_attempts: 4, title: 'New', ...PLANNED });
  });

  test.each([
    { overlap: null },
    { catch_up: 'never' },
    { timeout_seconds: 0 },
    { max_attempts: 11 },
    { max_attempts: 1.5 },
  ])('is refused in a creation with %j', async (fields) => {
    const response = await service.request('/api/tasks', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        title: 'T',
        prompt: 'P',
        schedule: '0 9 * * 4',
        account_id: ACCOUNT,
        artist_account_id: ARTIST,
        ...fields,
      }),
    });
    expect([response.status, (await response.json()).code]).toEqual([400, 'invalid_body']);
  });
});
