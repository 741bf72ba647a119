import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { deleteTask, listRuns, listTasks, runTask } from '../../../generated/sdk.gen.ts';
import type { RunTaskRequest } from '../../../generated/types.gen.ts';
import { ClaimStore } from '../../../src/store/claim-store.ts';
import { OTHER_ACCOUNT, task, unseenTask, uuid } from '../../support/builders.ts';
import { countOf } from '../../support/count.ts';
import { liveEngine, queuedRun } from '../../support/queue.ts';
import { NOW, type Service, startService } from '../../support/service.ts';

let service: Service;
let looks = 0;
beforeAll(async () => {
  service = await startService('none', { onQueued: () => (looks += 1) });
});
afterAll(() => service.close());
beforeEach(async () => {
  service.clock.now = NOW;
  const { tasks, runs, run_queue, idempotency_keys } = service.collections;
  for (const one of [tasks, runs, run_queue, idempotency_keys]) await one.deleteMany({});
  await tasks.insertMany([unseenTask(1), unseenTask(2, { account_id: OTHER_ACCOUNT })]);
  await liveEngine(service.collections);
});

const start = (fields: Partial<RunTaskRequest> = {}, key?: string) =>
  runTask({
    client: service.client,
    body: { task_id: uuid(1), ...fields },
    ...(key !== undefined && { headers: { 'Idempotency-Key': key } }),
  });
const after = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000);
/** A request whose body is not what JSON.stringify makes. */
const sendText = (body: string) =>
  service.request('/api/tasks/runs', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
  });
const entries = () => service.collections.run_queue.find().toArray();
/** A JSON value whose objects have their fields in the reverse order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, member]) => [name, reversed(member)] as const)
      .toReversed(),
  );
}
/** A value as its JSON gives it back: -0 becomes 0, and objects get their usual prototype. */
const roundTripped = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
/** The error's status and code; nothing was queued. */
async function refusal(reply: Promise<{ response: Response; error?: { code?: string; runs?: unknown } }>) {
  const before = await entries();
  const { response, error } = await reply;
  expect(error?.runs).toEqual([]);
  expect(await entries()).toEqual(before);
  return [response.status, error?.code];
}

describe('200', () => {
  test('queues a run for the engine, notifies the engine, and returns the run', async () => {
    looks = 0;
    const { data } = await start({ payload: { city: 'Berlin' } });
    const id = data?.runs[0]?.id ?? '';
    expect(data).toEqual({
      status: 'success',
      runs: [
        {
          id,
          task_id: uuid(1),
          status: 'QUEUED',
          taskIdentifier: 'recoup-task',
          createdAt: NOW.toISOString(),
          updatedAt: NOW.toISOString(),
          startedAt: null,
          finishedAt: null,
          idempotencyKey: id,
          payload: { type: 'manual', scheduled_at: null, input: { city: 'Berlin' } },
        },
      ],
    });
    expect(id).toMatch(/^run_[0-9a-f-]{36}$/);
    expect(await entries()).toEqual([
      queuedRun(id, {
        trigger: 'manual',
        scheduled_at: null,
        input: { city: 'Berlin' },
        // Any machine may claim it at once.
        not_before: new Date(NOW.getTime() - 600_000),
      }),
    ]);
    expect(looks).toBe(1);
    const { data: listed } = await listRuns({ client: service.client, query: { runId: id } });
    expect(listed?.runs).toMatchObject(data?.runs ?? []);
    const { data: tasks } = await listTasks({ client: service.client, query: { id: uuid(1) } });
    expect(tasks?.tasks[0]?.recent_runs.map((run) => run.id)).toEqual([id]);
  });

  test.each([null, false, 0, '', 'text', [1, { a: null }], {}])('keeps the payload %j', async (payload) => {
    const { data } = await start({ payload });
    expect(data?.runs[0]?.payload).toEqual({ type: 'manual', scheduled_at: null, input: payload });
  });

  test('has no input without a payload', async () => {
    const { data } = await start();
    expect(data?.runs[0]?.payload).toEqual({ type: 'manual', scheduled_at: null });
  });

  test('keeps integers that a double cannot hold', async () => {
    const response = await sendText(`{"task_id":"${uuid(1)}","payload":[9223372036854775807]}`);
    expect(await response.text()).toContain('"input":[9223372036854775807]');
  });

  test('keeps a payload of 256 KiB, and one of the maximum depth', async () => {
    const { response } = await start({ payload: 'x'.repeat(262_142) });
    expect(response.status).toBe(200);
    const deep = `${'['.repeat(63)}1${']'.repeat(63)}`;
    const reply = await sendText(`{"task_id":"${uuid(1)}","payload":${deep}}`);
    expect(await reply.text()).toContain(`"input":${deep}`);
  });

  test('runs a disabled task too, and a task whose id is in upper case', async () => {
    await service.collections.tasks.insertOne(
      unseenTask(3, { _id: 'abcdefab-0000-4000-8000-000000000003', enabled: false }),
    );
    const { data } = await start({ task_id: 'ABCDEFAB-0000-4000-8000-000000000003' });
    expect(data?.runs[0]).toMatchObject({
      task_id: 'abcdefab-0000-4000-8000-000000000003',
      status: 'QUEUED',
    });
  });

  test('waits for other runs of the task unless its overlap is allow', async () => {
    const { tasks } = service.collections;
    for (const [overlap, serial] of [
      ['skip', true],
      ['queue', true],
      ['allow', false],
    ] as const) {
      await tasks.updateOne({ _id: uuid(1) }, { $set: { overlap } });
      const { data } = await start();
      const entry = await service.collections.run_queue.findOne({ _id: data?.runs[0]?.id ?? '' });
      expect(entry?.serial).toBe(serial);
    }
  });
});

describe('a request that is repeated with its Idempotency-Key', () => {
  test('starts no second run, at the same time or later, and returns the current state of the first', async () => {
    const replies = await Promise.all([start({}, 'k1'), start({}, 'k1'), start({}, 'k1')]);
    const ids = new Set(replies.map(({ data }) => data?.runs[0]?.id));
    expect(ids.size).toBe(1);
    expect(await entries()).toHaveLength(1);
    const [entry] = await entries();
    if (!entry) throw new Error('Nothing is queued.');
    await service.runs.writeOwn(entry, { status: 'COMPLETED', finishedAt: NOW }, NOW);
    await service.collections.run_queue.deleteMany({});
    await deleteTask({ client: service.client, body: { id: uuid(1) } });
    const { data } = await start({}, 'k1');
    expect(data?.runs[0]).toMatchObject({ id: [...ids][0], status: 'COMPLETED' });
    expect(await entries()).toEqual([]);
  });

  test('adds the run that a process only queued before it died, however full the queue has become', async () => {
    const { data } = await start({}, 'k1');
    const id = data?.runs[0]?.id ?? '';
    await service.collections.runs.deleteMany({});
    await service.collections.run_queue.insertMany(
      Array.from({ length: 10 }, (_, at) => queuedRun(`run_${at}`)),
    );
    expect((await start({}, 'k1')).data?.runs[0]).toMatchObject({ id, status: 'QUEUED' });
    expect(await countOf(service.collections.run_queue, { _id: id })).toBe(1);
  });

  test('returns the run that was handed over to Trigger.dev, with a full queue, no engine or no task', async () => {
    const { data } = await start({}, 'k1');
    const id = data?.runs[0]?.id ?? '';
    const [entry] = await entries();
    if (!entry) throw new Error('Nothing is queued.');
    await service.runs.handOver(entry, 'run_trigger');
    const full = Array.from({ length: 10 }, (_, at) => queuedRun(`run_${at}`));
    const states: [string, () => Promise<unknown>][] = [
      ['unchanged', () => service.collections.run_queue.deleteMany({})],
      ['full queue', () => service.collections.run_queue.insertMany(full)],
      ['no engine', () => service.collections.engine.deleteMany({})],
      ['no task', () => service.collections.tasks.deleteMany({})],
    ];
    for (const [state, enter] of states) {
      await enter();
      const before = await entries();
      const { response, data: again } = await start({}, 'k1');
      expect([state, response.status, again?.runs[0]?.id]).toEqual([state, 200, id]);
      expect(await entries()).toEqual(before);
    }
  });

  test('is another run after 24 hours, and with another key', async () => {
    const first = (await start({}, 'k1')).data?.runs[0]?.id;
    expect((await start({}, 'k2')).data?.runs[0]?.id).not.toBe(first);
    service.clock.now = after(24 * 3_600);
    await liveEngine(service.collections, service.clock.now);
    expect((await start({}, 'k1')).data?.runs[0]?.id).not.toBe(first);
  });

  test('is 422 with another body, numbers beyond doubles included, and 200 with the same one', async () => {
    const ask = async (payload: string) => {
      const response = await service.request('/api/tasks/runs', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'k1' },
        body: `{"task_id":"${uuid(1)}","payload":${payload}}`,
      });
      return [response.status, (await response.json()).code];
    };
    expect(await ask('9223372036854775807')).toEqual([200, undefined]);
    expect(await ask('9223372036854775806')).toEqual([422, 'idempotency_key_reused']);
    expect(await ask('9223372036854775807')).toEqual([200, undefined]);
    expect(await entries()).toHaveLength(1);
  });

  test('has the same body with the fields of its payload in another order, but not the items', async () => {
    const first = await start({ payload: { a: [{ b: 1, c: 2 }], d: null } }, 'k1');
    const again = await start({ payload: { d: null, a: [{ c: 2, b: 1 }] } }, 'k1');
    expect([again.response.status, again.data]).toEqual([200, first.data]);
    expect((await start({ payload: [1, 2] }, 'k2')).response.status).toBe(200);
    expect((await start({ payload: [2, 1] }, 'k2')).response.status).toBe(422);
    expect(await entries()).toHaveLength(2);
  });

  test('has the same body whatever the order of fields at any depth, and another one for another value', async () => {
    const claims = new ClaimStore(service.collections);
    const claim = (key: string, payload: unknown) =>
      claims.claim({ caller: 'a', key }, { task_id: uuid(1), payload }, NOW);
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (payload, other) => {
        const key = `k${(count += 1)}`;
        const first = await claim(key, payload);
        expect(first).toBeDefined();
        expect(await claim(key, reversed(payload))).toEqual(first);
        const isSame = isDeepStrictEqual(roundTripped(payload), roundTripped(other));
        expect(await claim(key, other)).toEqual(isSame ? first : undefined);
      }),
      { numRuns: 50, seed: Number(process.env.PROPERTY_SEED ?? 20_261_126) },
    );
  });

  test('is not the key of a new task', async () => {
    const { data } = await start({}, 'k1');
    const response = await service.request('/api/tasks', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'k1' },
      body: JSON.stringify({
        title: 'T',
        prompt: 'P',
        schedule: '0 9 * * 4',
        account_id: OTHER_ACCOUNT,
        artist_account_id: OTHER_ACCOUNT,
      }),
    });
    expect(response.status).toBe(200);
    expect(data?.runs[0]?.id).not.toContain((await response.json()).tasks[0].id);
  });
});

describe('400', () => {
  test.each([
    [{}, 'Field "task_id" is missing.'],
    [{ task_id: 'x' }, 'Field "task_id" must be a UUID'],
    [{ task_id: uuid(1), input: 1 }, 'Field "input" is unknown. Allowed fields: task_id, payload.'],
    [{ task_id: uuid(1), payload: { a: ['\ud800'] } }, 'Field "payload.a.0" must not contain NUL'],
    [{ task_id: uuid(1), payload: { _bsontype: 'x' } }, 'Field "payload" has the name "_bsontype"'],
  ])('the body %j is refused', async (body, message) => {
    const response = await sendText(JSON.stringify(body));
    const { code, error, runs } = await response.json();
    expect([response.status, code, runs]).toEqual([400, 'invalid_body', []]);
    expect(error).toContain(message);
    expect(await entries()).toEqual([]);
  });
});

test('404: there is no such task', async () => {
  expect(await refusal(start({ task_id: uuid(404) }))).toEqual([404, 'task_not_found']);
});

test('404: the task belongs to another account; 200 for an own task', async () => {
  const own = await startService('required');
  try {
    await own.collections.tasks.insertMany([task(1), task(2, { account_id: OTHER_ACCOUNT })]);
    await liveEngine(own.collections);
    const { key } = await own.keys.create({ name: 'other', accountId: OTHER_ACCOUNT }, NOW);
    const as = (task_id: string) =>
      runTask({ client: own.client, headers: { 'x-api-key': key }, body: { task_id } });
    const foreign = await as(uuid(1));
    expect([foreign.response.status, foreign.error?.code]).toEqual([404, 'task_not_found']);
    expect((await as(uuid(2))).data?.runs[0]).toMatchObject({ task_id: uuid(2) });
  } finally {
    await own.close();
  }
});

test('409: no engine has renewed its document for more than 60 seconds', async () => {
  service.clock.now = after(60);
  expect((await start()).response.status).toBe(200);
  service.clock.now = after(61);
  expect(await refusal(start())).toEqual([409, 'no_engine']);
  await service.collections.engine.deleteMany({});
  service.clock.now = NOW;
  expect(await refusal(start())).toEqual([409, 'no_engine']);
});

test('413: the payload is larger than 256 KiB', async () => {
  const reply = await start({ payload: 'x'.repeat(262_143) });
  expect(reply.error?.error).toBe(
    'Field "payload" has 262,145 bytes as JSON. The limit for a payload is 262,144. Shorten it, or send a link to the data.',
  );
  expect([reply.response.status, reply.error?.code]).toEqual([413, 'body_too_large']);
  expect(await entries()).toEqual([]);
});

describe('429', () => {
  const fill = (count: number, fields: Parameters<typeof queuedRun>[1]) =>
    service.collections.run_queue.insertMany(
      Array.from({ length: count }, (_, at) => queuedRun(`run_${fields?.task_id}_${at}`, fields)),
    );

  test('ten runs of the task wait; those that execute do not count', async () => {
    await fill(9, {});
    await fill(20, { task_id: uuid(7), owner: 'worker' });
    await service.collections.run_queue.updateMany({ owner: 'worker' }, { $set: { task_id: uuid(1) } });
    expect((await start()).response.status).toBe(200);
    expect(await refusal(start())).toEqual([429, 'too_many_queued']);
    const { response } = await start();
    expect(response.headers.get('Retry-After')).toMatch(/^1[0-2]$/);
    expect((await start({ task_id: uuid(2) })).response.status).toBe(200);
  });

  test('1,000 runs of the account are queued', async () => {
    await fill(999, { task_id: uuid(7) });
    expect((await start()).response.status).toBe(200);
    expect(await refusal(start())).toEqual([429, 'too_many_queued']);
    expect((await start({ task_id: uuid(2) })).response.status).toBe(200);
  });
});
