import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { deleteTask, listTasks } from '../../../generated/sdk.gen.ts';
import { ACCOUNT, OTHER_ACCOUNT, run, task, uuid } from '../../support/builders.ts';
import { NOW, type Service, startService } from '../../support/service.ts';
import { countOf } from '../../support/count.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(async () => {
  await service.collections.tasks.deleteMany({});
  await service.collections.deleted_tasks.deleteMany({});
  await service.collections.tasks.insertMany([task(1), task(2)]);
});

const remove = (id: string, account_id?: string) =>
  deleteTask({ client: service.client, body: { id, ...(account_id && { account_id }) } });
const idsLeft = async () => (await listTasks({ client: service.client })).data?.tasks.map(({ id }) => id);

test('a task that is deleted is gone from the next listing, and no other is', async () => {
  const { data } = await remove(uuid(1));
  expect(data).toEqual({ status: 'success' });
  expect(await idsLeft()).toEqual([uuid(2)]);
});

test('a task that is deleted leaves a tombstone for 90 days', async () => {
  const { tasks, deleted_tasks } = service.collections;
  await tasks.updateOne({ _id: uuid(1) }, { $set: { trigger_schedule_id: 'sched_1' } });
  for (const number of [1, 2, 3]) await remove(uuid(number));
  const tombstone = {
    deleted_at: NOW,
    pending: true,
    expires_at: new Date(NOW.getTime() + 90 * 24 * 3_600_000),
  };
  expect(await deleted_tasks.find({}, { sort: { _id: 1 } }).toArray()).toEqual([
    { ...tombstone, _id: uuid(1), trigger_schedule_id: 'sched_1' },
    { ...tombstone, _id: uuid(2) },
  ]);
});

test('a task whose tombstone cannot be written is not deleted', async () => {
  const { deleted_tasks } = service.collections;
  const insertOne = deleted_tasks.insertOne.bind(deleted_tasks);
  deleted_tasks.insertOne = () => {
    throw new Error('The collection is broken.');
  };
  const { response } = await remove(uuid(1));
  deleted_tasks.insertOne = insertOne;
  expect(response.status).toBe(500);
  expect(await idsLeft()).toEqual([uuid(2), uuid(1)]);
});

test('its runs stay', async () => {
  await service.runs.recordRuns(uuid(1), [run(1)]);
  await remove(uuid(1));
  expect(await countOf(service.collections.runs, { task_id: uuid(1) })).toBe(1);
});

test('a task is deleted once: the second time there is none', async () => {
  const replies = await Promise.all([remove(uuid(1)), remove(uuid(1)), remove(uuid(1))]);
  expect(replies.map(({ response }) => response.status).toSorted()).toEqual([200, 404, 404]);
  expect(replies.find(({ error }) => error)?.error).toMatchObject({ code: 'task_not_found', tasks: [] });
});

test('an admin who names an account deletes a task of that account, and no other', async () => {
  await service.collections.tasks.insertOne(task(3, { account_id: OTHER_ACCOUNT }));
  const refused = await remove(uuid(3), ACCOUNT);
  expect(refused.response.status).toBe(403);
  expect(refused.error).toMatchObject({
    code: 'account_forbidden',
    error: `Field "account_id" is not the owner of task ${uuid(3)}. Send the owner's account, or omit the field.`,
    tasks: [],
  });
  const unknown = await remove(uuid(9), ACCOUNT);
  expect([unknown.response.status, unknown.error?.code]).toEqual([404, 'task_not_found']);
  expect(await idsLeft()).toHaveLength(3);
  expect((await remove(uuid(3), OTHER_ACCOUNT)).data).toEqual({ status: 'success' });
  expect(await idsLeft()).toEqual([uuid(2), uuid(1)]);
});

test.each([
  {},
  { id: 'x' },
  { id: uuid(1), account_id: 'x' },
  { id: uuid(1), title: 'x' },
  { id: [uuid(1)] },
  { id: { $gt: '' } },
])('the body %j is refused, and nothing is deleted', async (body) => {
  const response = await service.request('/api/tasks', {
    method: 'DELETE',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect([response.status, (await response.json()).code]).toEqual([400, 'invalid_body']);
  expect(await idsLeft()).toHaveLength(2);
});
