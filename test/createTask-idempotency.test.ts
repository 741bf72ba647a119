import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createTask, updateTask } from '../generated/sdk.gen.ts';
import type { CreateTaskRequest } from '../generated/types.gen.ts';
import { ClaimStore } from '../src/tasks/claims.ts';
import { ACCOUNT, ARTIST } from './support/builders.ts';
import { NOW, type Service, startService } from './support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(() => {
  service.clock.now = NOW;
});
afterEach(async () => {
  await service.collections.tasks.deleteMany({});
  await service.collections.idempotency_keys.deleteMany({});
});

const BODY: CreateTaskRequest = {
  title: 'Report',
  prompt: 'Write it.',
  schedule: '0 9 * * 4',
  account_id: ACCOUNT,
  artist_account_id: ARTIST,
};
const create = (key: string, fields: Partial<CreateTaskRequest> = {}) =>
  createTask({
    client: service.client,
    body: { ...BODY, ...fields },
    headers: { 'Idempotency-Key': key },
  });
const count = () => service.collections.tasks.countDocuments();
const after = (seconds: number) => {
  service.clock.now = new Date(NOW.getTime() + seconds * 1_000);
};

describe('a creation that is repeated with its key', () => {
  test('has the first reply, and makes no second task', async () => {
    const first = await create('k1');
    const again = await create('k1');
    expect(again.data).toEqual(first.data);
    expect(await count()).toBe(1);
  });

  test('has the first reply also when the task has changed since', async () => {
    const first = await create('k1');
    const id = first.data?.tasks[0]?.id ?? '';
    await updateTask({ client: service.client, body: { id, title: 'Other' } });
    after(3_600);
    expect((await create('k1')).data).toEqual(first.data);
  });

  test('is the same whatever the order of its fields', async () => {
    await create('k1');
    const reversed = Object.fromEntries(Object.entries(BODY).toReversed());
    const response = await service.request('/api/tasks', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'k1' },
      body: JSON.stringify(reversed),
    });
    expect(response.status).toBe(200);
    expect(await count()).toBe(1);
  });

  test('is another one with another key, or without', async () => {
    await create('k1');
    await create('k2');
    await createTask({ client: service.client, body: BODY });
    await createTask({ client: service.client, body: BODY });
    expect(await count()).toBe(4);
  });

  test('twenty times at once makes one task, and each reply is that task or says to wait', async () => {
    const replies = await Promise.all(Array.from({ length: 20 }, () => create('k1')));
    expect(await count()).toBe(1);
    const [stored] = await service.collections.tasks.find().toArray();
    for (const { data, error, response } of replies) {
      if (data) expect(data.tasks[0]?.id).toBe(stored?._id);
      else expect([response.status, error.code]).toEqual([409, 'request_in_flight']);
    }
    expect(replies.filter(({ data }) => data).length).toBeGreaterThan(0);
  });

  test('but with another body is refused', async () => {
    await create('k1');
    const { error, response } = await create('k1', { title: 'Other' });
    expect([response.status, error?.code]).toEqual([422, 'idempotency_key_reused']);
    expect(await count()).toBe(1);
  });

  test('after 24 hours makes a new task, also where the database has not removed the old key yet', async () => {
    const first = await create('k1');
    after(24 * 3_600 - 1);
    expect((await create('k1')).data).toEqual(first.data);
    after(24 * 3_600);
    const second = await create('k1', { title: 'Other' });
    expect(second.data?.tasks[0]?.id).not.toBe(first.data?.tasks[0]?.id);
    expect(await count()).toBe(2);
  });
});

test('keys are removed by the database when they have expired', async () => {
  const indexes = await service.collections.idempotency_keys.indexes();
  expect(indexes).toContainEqual(expect.objectContaining({ key: { expires_at: 1 }, expireAfterSeconds: 0 }));
  await create('secret-key');
  const [claim] = await service.collections.idempotency_keys.find().toArray();
  expect(claim?.expires_at).toEqual(new Date('2026-11-24T12:00:00Z'));
  expect(JSON.stringify(claim)).not.toContain('secret-key');
});

test('a refused request does not use its key up', async () => {
  expect((await create('k1', { schedule: '61 * * * *' })).error?.code).toBe('invalid_schedule');
  expect((await create('k1', { title: '' })).error?.code).toBe('invalid_body');
  expect((await create('k1')).data?.tasks).toHaveLength(1);
});

describe('a process that died with the key', () => {
  const die = async (created: boolean) => {
    const claims = new ClaimStore(service.collections);
    const claimed = await claims.claim({ caller: 'everybody', key: 'k1' }, BODY, NOW);
    if (claimed.outcome !== 'claimed') throw new Error(claimed.outcome);
    const { task_id } = claimed.claim;
    if (created) await service.tasks.insert([{ ...BODY, _id: task_id, created_at: NOW }]);
    return task_id;
  };

  test.each([
    ['before it created the task', false],
    ['after it created the task', true],
  ])('%s, has it for a minute, and then the task is made once', async (_when, created) => {
    const id = await die(created);
    after(15);
    const { error, response } = await create('k1');
    expect([response.status, response.headers.get('retry-after')]).toEqual([409, '45']);
    expect(error?.error).toContain('send it again after 45 seconds');
    after(60);
    const replies = await Promise.all([create('k1'), create('k1')]);
    const replied = replies.flatMap(({ data }) => data?.tasks ?? []);
    expect(replied.map((task) => task.id)).toEqual(replied.map(() => id));
    expect(replied.length).toBeGreaterThan(0);
    expect(await count()).toBe(1);
    expect((await create('k1')).data?.tasks[0]?.id).toBe(id);
  });
});

test.each(['', 'x'.repeat(256), 'two words', 'ümlaut'])('the key %j is refused', async (key) => {
  const response = await service.request('/api/tasks', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
    body: JSON.stringify(BODY),
  });
  const { code, error } = await response.json();
  expect([response.status, code]).toEqual([400, 'invalid_parameter']);
  expect(error).toContain('Header "Idempotency-Key" must be 1 to 255 characters');
  expect(await count()).toBe(0);
});
