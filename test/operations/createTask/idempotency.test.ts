import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { createTask, deleteTask, updateTask } from '../../../generated/sdk.gen.ts';
import type { CreateTaskRequest } from '../../../generated/types.gen.ts';
import { AccountStore } from '../../../src/store/account-store.ts';
import { Upcoming } from '../../../src/operations/upcoming.ts';
import type { ClaimDocument } from '../../../src/store/claim-document.ts';
import { EngineStore } from '../../../src/store/engine-store.ts';
import { ClaimStore } from '../../../src/store/claim-store.ts';
import { createTask as createTaskHandler } from '../../../src/operations/createTask.ts';
import type { TaskDocument } from '../../../src/store/task-document.ts';
import { type TaskFilter, TaskStore } from '../../../src/store/task-store.ts';
import { ACCOUNT, ARTIST } from '../../support/builders.ts';
import { NOW, type Service, startService, openTestDatabase } from '../../support/service.ts';
import { countOf } from '../../support/count.ts';

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

const BODY = {
  title: 'Report',
  prompt: 'Write it.',
  schedule: '0 9 * * 4',
  account_id: ACCOUNT,
  artist_account_id: ARTIST,
} satisfies CreateTaskRequest;
const create = (key: string, fields: Partial<CreateTaskRequest> = {}) =>
  createTask({
    client: service.client,
    body: { ...BODY, ...fields },
    headers: { 'Idempotency-Key': key },
  });
const count = () => countOf(service.collections.tasks);
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

  test('has the first reply also when the task has been deleted since, and does not create it again', async () => {
    const first = await create('k1');
    const id = first.data?.tasks[0]?.id ?? '';
    await deleteTask({ client: service.client, body: { id } });
    expect((await create('k1')).data).toEqual(first.data);
    expect(await count()).toBe(0);
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

  test('twenty times at once makes one task, and each reply is that task', async () => {
    const replies = await Promise.all(Array.from({ length: 20 }, () => create('k1')));
    expect(await count()).toBe(1);
    const [stored] = await service.collections.tasks.find().toArray();
    for (const { data } of replies) expect(data?.tasks.map(({ id }) => id)).toEqual([stored?._id]);
    expect((await create('k1')).data?.tasks[0]?.id).toBe(stored?._id);
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
  const database = await openTestDatabase();
  const indexes = await database.collections.idempotency_keys.indexes();
  await database.close();
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
    const claim = await claims.claim({ caller: 'everybody', key: 'k1' }, BODY, NOW);
    if (!claim) throw new Error('The key belongs to another body.');
    if (created) await service.tasks.insert([{ ...BODY, _id: claim.task_id, created_at: NOW }]);
    return claim.task_id;
  };

  test.each([
    ['before it created the task', false],
    ['after it created the task', true],
  ])('%s, keeps nobody waiting, and the task is made once', async (_when, created) => {
    const id = await die(created);
    const replies = await Promise.all([create('k1'), create('k1')]);
    expect(replies.map(({ data }) => data?.tasks.map((task) => task.id))).toEqual([[id], [id]]);
    expect(await count()).toBe(1);
    expect((await create('k1')).data?.tasks[0]?.id).toBe(id);
  });
});

describe('a claim that the version 84d62af stored', () => {
  /** As that version did: it wrote claimed_at, and leased the key for a minute from it. */
  const store = async (fields: { reply?: string } = {}) => {
    await create('k1');
    const { collections } = service;
    const [claim] = await collections.idempotency_keys.find().toArray();
    if (!claim) throw new Error('There is no claim.');
    const { reply = '', ...others } = claim;
    await collections.idempotency_keys.replaceOne(
      { _id: claim._id },
      { ...others, claimed_at: NOW, ...fields },
    );
    await collections.tasks.deleteMany({});
    return { id: claim.task_id, reply };
  };

  test('with its reply is replayed', async () => {
    const reply = { status: 'success', tasks: [] };
    await store({ reply: JSON.stringify(reply) });
    expect((await create('k1')).data).toEqual(reply);
    expect(await count()).toBe(0);
  });

  test('without a reply makes its task at once', async () => {
    const { id } = await store();
    expect((await create('k1')).data?.tasks.map((task) => task.id)).toEqual([id]);
    expect(await count()).toBe(1);
  });
});

test('a claim has what the version 84d62af reads of one without a reply', async () => {
  await create('k1');
  const [claim] = await service.collections.idempotency_keys.find().toArray();
  expect(claim?.claimed_at).toEqual(NOW);
  // The hash that 84d62af computes: with another one, a retry during the upgrade would get 422.
  expect(claim?.body_hash).toBe('hHORhkHzbK6r_btK4YxJ0UZhmqrRlnfwniszu6hzFxQ');
});

describe('a task that another request created, and that is deleted before this one reads it', () => {
  const handle = async (claims: ClaimStore) => {
    class RacedStore extends TaskStore {
      override async insertOrFind(document: TaskDocument) {
        await super.insert([document]);
        return super.insertOrFind(document);
      }
      override async findByIds(ids: string[], filter: TaskFilter) {
        for (const id of ids) await this.delete({ id }, NOW);
        return super.findByIds(ids, filter);
      }
    }
    const { collections, runs } = service;
    const log = pino({ level: 'silent' });
    const handler = createTaskHandler({
      tasks: new RacedStore(collections),
      runs,
      claims,
      engine: new EngineStore(collections),
      accounts: new AccountStore(collections),
      upcoming: new Upcoming(log),
      log,
      now: () => NOW,
    });
    const headers = { 'Idempotency-Key': 'k1' };
    const { body } = await handler({ body: BODY, headers }, { scope: 'admin', caller: 'a' });
    return body;
  };

  test('is replied as that request replied', async () => {
    const reply = { status: 'success', tasks: [{ title: 'Of the other request' }] };
    class RacedClaims extends ClaimStore {
      override findReply(claim: ClaimDocument) {
        return super.storeReply(claim, JSON.stringify(reply)).then(() => super.findReply(claim));
      }
    }
    expect(await handle(new RacedClaims(service.collections))).toEqual(reply);
    expect(await count()).toBe(0);
  });

  test('is replied as created where that request has stored no reply', async () => {
    const { tasks } = await handle(new ClaimStore(service.collections));
    expect(tasks).toHaveLength(1);
    expect(await count()).toBe(0);
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
