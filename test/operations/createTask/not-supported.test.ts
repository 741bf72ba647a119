/** Fields that Trigger.dev does not support, in the bodies of createTask and updateTask. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createTask, updateTask } from '../../../generated/sdk.gen.ts';
import type { CreateTaskRequest, UpdateTaskRequest } from '../../../generated/types.gen.ts';
import { ACCOUNT, ARTIST, unseenTask, uuid } from '../../support/builders.ts';
import { countOf } from '../../support/count.ts';
import { liveEngine } from '../../support/queue.ts';
import { NOW, type Service, startService } from '../../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(async () => {
  const { tasks, engine, idempotency_keys } = service.collections;
  for (const one of [tasks, engine, idempotency_keys]) await one.deleteMany({});
  await tasks.insertOne(unseenTask(1));
  await liveEngine(service.collections, NOW, 'trigger');
});

const create = (fields: Partial<CreateTaskRequest>, key?: string) =>
  createTask({
    client: service.client,
    ...(key !== undefined && { headers: { 'Idempotency-Key': key } }),
    body: {
      title: 'T',
      prompt: 'P',
      schedule: '0 9 * * 4',
      account_id: ACCOUNT,
      artist_account_id: ARTIST,
      ...fields,
    },
  });
const update = (fields: Omit<UpdateTaskRequest, 'id'>) =>
  updateTask({ client: service.client, body: { id: uuid(1), ...fields } });
const countTasks = () => countOf(service.collections.tasks);

describe('while Trigger.dev is the engine', () => {
  test.each([
    [{ overlap: 'skip' }, 'starts every run when it is due, even while another run of the task executes'],
    [{ overlap: 'queue' }, 'starts every run when it is due, even while another run of the task executes'],
    [{ catch_up: 'skip' }, 'runs only the newest missed fire time late'],
    [{ catch_up: 'all' }, 'runs only the newest missed fire time late'],
    [{ timeout_seconds: 60 }, 'uses the time limit that the code of its task sets'],
    [{ max_attempts: 1 }, 'uses the number of attempts that the code of its task sets'],
  ] as const)('%j is refused', async (fields, behavior) => {
    const [[field, value] = []] = Object.entries(fields);
    const advice = {
      overlap: 'Send "allow" or omit the field',
      catch_up: 'Send "once" or omit the field',
    }[String(field)];
    for (const { response, error } of [await create(fields), await update({ title: 'New', ...fields })]) {
      expect([response.status, error]).toMatchObject([
        422,
        {
          code: 'not_supported',
          error:
            `Field "${field}" is ${JSON.stringify(value)}, but the engine is Trigger.dev, which ${behavior}. ` +
            `${advice ?? 'Omit the field'}. The engines of RUN_COMMAND, RUN_URL, RUN_CHAT_URL and RUN_MODEL support it.`,
          tasks: [],
        },
      ]);
    }
    expect(await service.collections.tasks.find().toArray()).toMatchObject([{ title: 'Task 1' }]);
  });

  test('what it supports is accepted, and null removes what it does not', async () => {
    expect((await create({ overlap: 'allow', catch_up: 'once' })).response.status).toBe(200);
    await service.collections.tasks.updateOne(
      { _id: uuid(1) },
      { $set: { overlap: 'queue', max_attempts: 3 } },
    );
    const { data } = await update({ overlap: null, catch_up: null, timeout_seconds: null, title: 'New' });
    expect(data?.tasks[0]).toMatchObject({ title: 'New', max_attempts: 3 });
    expect(data?.tasks[0]).not.toHaveProperty('overlap');
  });

  test('a refusal does not use up the Idempotency-Key', async () => {
    expect((await create({ overlap: 'skip' }, 'k')).error?.code).toBe('not_supported');
    expect((await create({ overlap: 'allow' }, 'k')).response.status).toBe(200);
  });
});

test('a task that was created before Trigger.dev became the engine is returned by its Idempotency-Key', async () => {
  await liveEngine(service.collections, NOW, 'command');
  const first = await create({ overlap: 'skip' }, 'k');
  await liveEngine(service.collections, NOW, 'trigger');
  const second = await create({ overlap: 'skip' }, 'k');
  expect(second.data).toEqual(first.data);
  expect(await countTasks()).toBe(2);
  expect((await create({ overlap: 'queue' }, 'k')).error?.code).toBe('idempotency_key_reused');
});

test.each([
  ['of another kind', NOW, 'command'],
  ['not live', new Date(NOW.getTime() - 61_000), 'trigger'],
])('every field is accepted while the engine is %s', async (_state, at, kind) => {
  await liveEngine(service.collections, at, kind);
  const fields = { overlap: 'queue', catch_up: 'all', timeout_seconds: 60, max_attempts: 2 } as const;
  expect((await create(fields)).data?.tasks[0]).toMatchObject(fields);
  expect((await update(fields)).data?.tasks[0]).toMatchObject(fields);
});

test('the engine is read only if a field depends on it', async () => {
  const finds = () =>
    service.commands.started.filter(({ command }) => 'find' in command && command.find === 'engine').length;
  service.commands.started.length = 0;
  await create({ overlap: 'allow' });
  await update({ title: 'New', max_attempts: null });
  expect(finds()).toBe(0);
  await update({ max_attempts: 2 });
  expect(finds()).toBe(1);
});
