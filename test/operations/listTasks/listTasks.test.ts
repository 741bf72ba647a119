import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { BSON, type Collection } from 'mongodb';
import { listTasks, updateTask } from '../../../generated/sdk.gen.ts';
import type { ListTasksData } from '../../../generated/types.gen.ts';
import type { TaskDocument } from '../../../src/store/task-document.ts';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT, run, unseenTask as task, uuid } from '../../support/builders.ts';
import { NOW, type Service, startService } from '../../support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(async () => {
  const { tasks, runs, accounts } = service.collections;
  await Promise.all([tasks.deleteMany({}), runs.deleteMany({}), accounts.deleteMany({})]);
  service.clock.now = new Date('2026-11-23T12:00:00.000Z');
});

async function list(query: ListTasksData['query'] = {}) {
  const { data, error } = await listTasks({ client: service.client, query });
  if (!data) throw new Error(`The listing failed: ${JSON.stringify(error)}`);
  return data.tasks;
}

const idsOf = (tasks: { id: string }[]) => tasks.map(({ id }) => id);

describe('filters', () => {
  const other = { account_id: OTHER_ACCOUNT, artist_account_id: uuid(900) };

  test('without any, every task is listed', async () => {
    await service.collections.tasks.insertMany([task(1), task(2, other)]);
    expect(idsOf(await list())).toEqual([uuid(2), uuid(1)]);
  });

  test('id, account_id and artist_account_id each narrow the list', async () => {
    await service.collections.tasks.insertMany([task(1), task(2, other)]);
    expect(idsOf(await list({ id: uuid(2) }))).toEqual([uuid(2)]);
    expect(idsOf(await list({ account_id: ACCOUNT }))).toEqual([uuid(1)]);
    expect(idsOf(await list({ artist_account_id: uuid(900) }))).toEqual([uuid(2)]);
  });

  test('together they must all match', async () => {
    await service.collections.tasks.insertMany([
      task(1),
      task(2, other),
      task(3, { account_id: OTHER_ACCOUNT }),
    ]);
    expect(idsOf(await list({ account_id: OTHER_ACCOUNT, artist_account_id: ARTIST }))).toEqual([uuid(3)]);
    expect(await list({ id: uuid(1), account_id: OTHER_ACCOUNT })).toEqual([]);
  });

  test('nothing that matches is 200 with an empty array', async () => {
    const { data, response } = await listTasks({ client: service.client, query: { id: uuid(1) } });
    expect(response?.status).toBe(200);
    expect(data).toEqual({ status: 'success', tasks: [] });
  });

  test('a UUID in capitals finds the same task', async () => {
    const id = 'abcdefab-cdef-4bcd-8fab-cdefabcdefab';
    await service.collections.tasks.insertOne(task(1, { _id: id, account_id: id, artist_account_id: id }));
    const capitals = id.toUpperCase();
    const found = await list({ id: capitals, account_id: capitals, artist_account_id: capitals });
    expect(idsOf(found)).toEqual([id]);
  });

  test('enabled=true includes null and absence, enabled=false is what was switched off', async () => {
    const { enabled: _enabled, ...absent } = task(4);
    await service.collections.tasks.insertMany([
      task(1),
      task(2, { enabled: null }),
      task(3, { enabled: false }),
      absent,
    ]);
    expect(idsOf(await list({ enabled: true }))).toEqual([uuid(4), uuid(2), uuid(1)]);
    expect(idsOf(await list({ enabled: false }))).toEqual([uuid(3)]);
  });
});

test('tasks come newest first, and those created in the same millisecond by id', async () => {
  const created_at = new Date('2026-02-01T00:00:00.000Z');
  await service.collections.tasks.insertMany([
    task(7, { created_at }),
    task(1),
    task(5, { created_at }),
    task(6, { created_at }),
    task(2),
  ]);
  expect(idsOf(await list())).toEqual([uuid(5), uuid(6), uuid(7), uuid(2), uuid(1)]);
});

describe('fields', () => {
  test('what is null stays null, and what the document has not is not shown', async () => {
    await service.collections.tasks.insertMany([
      task(1, { enabled: null, trigger_schedule_id: null, model: null }),
      task(2, { trigger_schedule_id: 'sched_1', model: 'some-model', timezone: 'Europe/Berlin' }),
      task(3),
    ]);
    const [third, second, first] = await list();
    expect(first).toMatchObject({ enabled: null, trigger_schedule_id: null, model: null, owner_email: null });
    expect(first?.artist_name).toBeNull();
    expect(second).toMatchObject({ enabled: true, trigger_schedule_id: 'sched_1', model: 'some-model' });
    expect(second?.timezone).toBe('Europe/Berlin');
    expect(Object.keys(third ?? {}).toSorted()).toEqual(
      ['account_id', 'artist_account_id', 'enabled', 'id', 'owner_email', 'prompt', 'recent_runs', 'schedule']
        .concat('title', 'upcoming', 'artist_name', 'created_at', 'updated_at')
        .toSorted(),
    );
  });

  test("owner_email is the owning account's address, null for an unknown account or one without", async () => {
    await service.collections.accounts.insertMany([
      { _id: ACCOUNT, email: 'mira@northlight.example' },
      { _id: uuid(800), email: null },
    ]);
    await service.collections.tasks.insertMany([
      task(1),
      task(2, { account_id: OTHER_ACCOUNT }),
      task(3, { account_id: uuid(800) }),
    ]);
    expect((await list()).map((found) => found.owner_email)).toEqual([null, null, 'mira@northlight.example']);
  });

  test("artist_name is the artist account's name, null for an unknown account or one without", async () => {
    await service.collections.accounts.insertMany([
      { _id: ARTIST, email: 'juno@vale.example', name: 'Juno Vale' },
      { _id: uuid(800), email: 'nightjar@band.example' },
      { _id: uuid(801), name: null },
      { _id: ACCOUNT, email: 'mira@northlight.example', name: 'Northlight' },
    ]);
    await service.collections.tasks.insertMany([
      task(1),
      task(2, { artist_account_id: uuid(800) }),
      task(3, { artist_account_id: uuid(801) }),
      task(4, { artist_account_id: uuid(802) }),
      task(5, { artist_account_id: ACCOUNT }),
    ]);
    const found = await list();
    expect(found.map((one) => one.artist_name)).toEqual(['Northlight', null, null, null, 'Juno Vale']);
    expect(found.map((one) => one.owner_email)).toEqual(found.map(() => 'mira@northlight.example'));
  });

  test('created_at and updated_at are instants; without updated_at it is created_at', async () => {
    const updated_at = new Date('2026-03-01T00:00:00.123Z');
    await service.collections.tasks.insertMany([
      task(1),
      task(2, { updated_at }),
      task(3, { updated_at: null }),
    ]);
    const at = (number: number) => task(number).created_at.toISOString();
    expect((await list()).map((found) => [found.created_at, found.updated_at])).toEqual([
      [at(3), at(3)],
      [at(2), '2026-03-01T00:00:00.123Z'],
      [at(1), at(1)],
    ]);
  });

  test.each([
    ['no created_at', undefined],
    ['null for created_at', null],
    ['a text for created_at', '2026-01-01'],
  ])('a task that another tool stored with %s does not fail the listing', async (_what, created_at) => {
    const { created_at: _instant, ...byHand } = task(1);
    const documents: Collection<{ _id: string }> = service.db.collection('tasks');
    await documents.insertOne({ ...byHand, ...(created_at !== undefined && { created_at }) });
    await service.collections.tasks.insertOne(task(2));
    const found = (await list()).find(({ id }) => id === uuid(1));
    expect(found?.title).toBe('Task 1');
    expect(found).not.toHaveProperty('created_at');
    expect(found).not.toHaveProperty('updated_at');
    await updateTask({ client: service.client, body: { id: uuid(1), model: 'large' } });
    expect((await list({ id: uuid(1) }))[0]).toMatchObject({ updated_at: NOW.toISOString() });
  });

  test('a document with more fields than the contract shows no more of them', async () => {
    const secret: Record<string, unknown> = { secret: 'do not show' };
    await service.collections.tasks.insertOne({ ...task(1), ...secret });
    expect(JSON.stringify(await list())).not.toContain('secret');
  });
});

describe('recent_runs', () => {
  test('are the last five by createdAt, newest first, and equal instants by the greater id', async () => {
    await service.collections.tasks.insertOne(task(1));
    const createdAt = new Date('2026-06-01T00:06:00.000Z');
    await service.runs.recordRuns(uuid(1), [
      run(3),
      run(1),
      run(6),
      run(2),
      run(5),
      run(4),
      run(7, { createdAt }),
    ]);
    const [found] = await list();
    expect(idsOf(found?.recent_runs ?? [])).toEqual([
      'run_000007',
      'run_000006',
      'run_000005',
      'run_000004',
      'run_000003',
    ]);
  });

  test('come back complete, with every kind of value', async () => {
    await service.collections.tasks.insertOne(task(1));
    const at = new Date('2026-06-01T00:00:00.123Z');
    await service.runs.recordRuns(uuid(1), [
      run(1, {
        status: 'FAILED',
        triggerFunction: 'batchTrigger',
        startedAt: at,
        finishedAt: at,
        delayedUntil: null,
        expiredAt: null,
        ttl: 3600,
        idempotencyKey: null,
        version: '20261101.1',
        isTest: false,
        tags: ['a', 'b'],
        metadata: { deep: { er: [1, 2.5, null, 'x'] }, 'dotted.name': true, $dollar: 1 },
        costInCents: 0.1,
        baseCostInCents: 0,
        durationMs: 123456,
        env: { id: 'env', name: 'production', user: null },
        depth: 0,
        batchId: null,
        payload: null,
        output: [1, 'two', { three: 3 }, null],
        error: { message: 'Boom', name: 'Error', stackTrace: 'at x' },
        attempts: [
          {
            id: 'attempt_1',
            status: 'FAILED',
            createdAt: at,
            updatedAt: at,
            startedAt: null,
            completedAt: at,
            error: null,
          },
        ],
        schedule: null,
        relatedRuns: { root: 'run_0' },
      }),
    ]);
    const [found] = await list();
    expect(found?.recent_runs[0]).toEqual({
      id: 'run_000001',
      status: 'FAILED',
      taskIdentifier: 'customer-prompt-task',
      triggerFunction: 'batchTrigger',
      createdAt: '2026-06-01T00:01:00.000Z',
      updatedAt: '2026-06-01T00:01:00.000Z',
      startedAt: '2026-06-01T00:00:00.123Z',
      finishedAt: '2026-06-01T00:00:00.123Z',
      delayedUntil: null,
      expiredAt: null,
      ttl: 3600,
      idempotencyKey: null,
      version: '20261101.1',
      isTest: false,
      tags: ['a', 'b'],
      metadata: { deep: { er: [1, 2.5, null, 'x'] }, 'dotted.name': true, $dollar: 1 },
      costInCents: 0.1,
      baseCostInCents: 0,
      durationMs: 123456,
      env: { id: 'env', name: 'production', user: null },
      depth: 0,
      batchId: null,
      payload: null,
      output: [1, 'two', { three: 3 }, null],
      error: { message: 'Boom', name: 'Error', stackTrace: 'at x' },
      attempts: [
        {
          id: 'attempt_1',
          status: 'FAILED',
          createdAt: '2026-06-01T00:00:00.123Z',
          updatedAt: '2026-06-01T00:00:00.123Z',
          startedAt: null,
          completedAt: '2026-06-01T00:00:00.123Z',
          error: null,
        },
      ],
      schedule: null,
      relatedRuns: { root: 'run_0' },
    });
  });
});

describe('upcoming', () => {
  test('is the next ten fire times after now, in the time zone of the task, through the change of the clocks', async () => {
    service.clock.now = new Date('2026-10-20T00:00:00.000Z');
    await service.collections.tasks.insertMany([
      task(1, { schedule: '0 9 * * 0', timezone: 'America/New_York' }),
      task(2, { schedule: '0 9 * * 0' }),
    ]);
    const [utc, newYork] = await list();
    expect(newYork?.upcoming).toHaveLength(10);
    expect(newYork?.upcoming.slice(0, 2)).toEqual(['2026-10-25T13:00:00.000Z', '2026-11-01T14:00:00.000Z']);
    expect(utc?.upcoming.slice(0, 2)).toEqual(['2026-10-25T09:00:00.000Z', '2026-11-01T09:00:00.000Z']);
  });

  test('moves on as time passes', async () => {
    await service.collections.tasks.insertOne(task(1, { schedule: '*/5 * * * *' }));
    expect((await list())[0]?.upcoming[0]).toBe('2026-11-23T12:05:00.000Z');
    service.clock.now = new Date('2026-11-23T12:05:00.000Z');
    expect((await list())[0]?.upcoming[0]).toBe('2026-11-23T12:10:00.000Z');
    expect((await list())[0]?.upcoming[9]).toBe('2026-11-23T12:55:00.000Z');
  });

  test('follows a clock that is set back', async () => {
    await service.collections.tasks.insertOne(task(1, { schedule: '*/5 * * * *' }));
    service.clock.now = new Date('2026-11-23T12:07:00.000Z');
    expect((await list())[0]?.upcoming[0]).toBe('2026-11-23T12:10:00.000Z');
    service.clock.now = new Date('2026-11-23T12:00:00.000Z');
    expect((await list())[0]?.upcoming[0]).toBe('2026-11-23T12:05:00.000Z');
  });

  test.each([
    ['a schedule that names a value twice', { schedule: '0 9 * * 0,7' }, '2026-11-29T09:00:00.000Z'],
    [
      'the days of a week in a month without the day',
      { schedule: '0 0 30 2 */2' },
      '2027-02-02T00:00:00.000Z',
    ],
    ['a name of a zone that ICU alone has', { timezone: 'BST' }, '2026-11-26T03:00:00.000Z'],
    [
      'a zone whose clocks change by half an hour',
      { timezone: 'Australia/Lord_Howe' },
      '2026-11-25T22:00:00.000Z',
    ],
  ])('is there for a stored task with %s', async (_what, fields, first) => {
    await service.collections.tasks.insertOne(task(1, fields));
    const [found] = await list();
    expect(found?.upcoming).toHaveLength(10);
    expect(found?.upcoming[0]).toBe(first);
  });

  test('is empty for a disabled task, and not for one whose enabled is null', async () => {
    await service.collections.tasks.insertMany([task(1, { enabled: false }), task(2, { enabled: null })]);
    const [unset, disabled] = await list();
    expect(unset?.upcoming).toHaveLength(10);
    expect(disabled?.upcoming).toEqual([]);
  });

  test('is empty where the schedule or the zone cannot be read; the listing succeeds and the log says so once', async () => {
    await service.collections.tasks.insertMany([
      task(1, { schedule: 'every Thursday' }),
      task(2, { timezone: 'Mars/Olympus' }),
      task(3),
    ]);
    for (const _ of [1, 2]) {
      expect((await list()).map(({ upcoming }) => upcoming.length)).toEqual([10, 0, 0]);
    }
    const warnings = service.lines.filter(({ level }) => level === 40);
    expect(warnings.map(({ schedule, timezone }) => [schedule, timezone])).toEqual([
      ['0 9 * * 4', 'Mars/Olympus'],
      ['every Thursday', 'UTC'],
    ]);
  });
});

test('a task that another tool added without pointers or zone does not fail the listing', async () => {
  const { recent_runs: _runs, version: _version, ...byHand } = task(1, { timezone: null });
  const documents: Collection<Omit<TaskDocument, 'recent_runs' | 'version'>> = service.db.collection('tasks');
  await documents.insertOne(byHand);
  const [found] = await list();
  expect(found?.recent_runs).toEqual([]);
  expect(found).not.toHaveProperty('timezone');
});

test('every field of a run that may be null comes back as null', async () => {
  const nulls = {
    startedAt: null,
    finishedAt: null,
    delayedUntil: null,
    expiredAt: null,
    ttl: null,
    error: null,
  };
  const more = {
    idempotencyKey: null,
    metadata: null,
    batchId: null,
    payload: null,
    output: null,
    schedule: null,
  };
  const at = new Date('2026-06-01T00:00:00.000Z');
  const attempt = { id: 'attempt_1', status: 'PENDING', createdAt: at, updatedAt: at } as const;
  await service.collections.tasks.insertOne(task(1));
  await service.runs.recordRuns(uuid(1), [
    run(1, {
      ...nulls,
      ...more,
      relatedRuns: null,
      attempts: [{ ...attempt, startedAt: null, completedAt: null, error: null }],
    }),
  ]);
  const [found] = await list();
  expect(found?.recent_runs[0]).toMatchObject({ ...nulls, ...more, relatedRuns: null });
  expect(found?.recent_runs[0]?.attempts).toMatchObject([
    { startedAt: null, completedAt: null, error: null },
  ]);
});

test('each instant of a run and of an attempt comes back as itself', async () => {
  const day = (number: number) => new Date(Date.UTC(2026, 4, number));
  await service.collections.tasks.insertOne(task(1));
  const run1 = {
    createdAt: day(1),
    updatedAt: day(2),
    startedAt: day(3),
    finishedAt: day(4),
    delayedUntil: day(5),
  };
  const attempt = { createdAt: day(7), updatedAt: day(8), startedAt: day(9), completedAt: day(10) };
  await service.runs.recordRuns(uuid(1), [
    run(1, { ...run1, expiredAt: day(6), attempts: [{ id: 'attempt_1', status: 'COMPLETED', ...attempt }] }),
  ]);
  const [found] = await list();
  const wire = (instants: object) => JSON.parse(JSON.stringify(instants));
  expect(found?.recent_runs[0]).toMatchObject(wire({ ...run1, expiredAt: day(6) }));
  expect(found?.recent_runs[0]?.attempts?.[0]).toMatchObject(wire(attempt));
});

test('HEAD is checked as GET is, and logged as HEAD', async () => {
  expect((await service.request('/api/tasks?limit=1', { method: 'HEAD' })).status).toBe(200);
  expect(service.lines.at(-1)).toMatchObject({ method: 'HEAD', operation: 'listTasks' });
  expect((await service.request('/api/tasks?limit=0', { method: 'HEAD' })).status).toBe(400);
});

test('HEAD is answered as GET, without body', async () => {
  await service.collections.tasks.insertOne(task(1));
  const head = await service.request('/api/tasks', { method: 'HEAD' });
  const get = await service.request('/api/tasks');
  expect(head.status).toBe(200);
  expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'));
  expect(await head.text()).toBe('');
});

describe('cost', () => {
  /** The runs in a reply of the database to a find or getMore. */
  function runsIn(reply: unknown): unknown[] {
    const { cursor }: { cursor?: BSON.Document } = BSON.deserialize(BSON.serialize({ ...Object(reply) }));
    return cursor?.ns.endsWith('.runs') ? (cursor.firstBatch ?? cursor.nextBatch) : [];
  }

  /** The commands of one listing and the runs that they read. */
  async function costOf(query: ListTasksData['query']) {
    service.commands.started.length = 0;
    service.commands.succeeded.length = 0;
    const tasks = await list(query);
    const runs = service.commands.succeeded.flatMap(({ reply }) => runsIn(reply));
    return {
      tasks,
      commands: service.commands.started.map(({ commandName }) => commandName),
      runsRead: runs.length,
    };
  }

  test('a page takes four round trips, and at most five runs a task, with ten runs or with ten thousand', async () => {
    await service.collections.tasks.insertMany([task(1), task(2)]);
    const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
    await service.runs.recordRuns(
      uuid(1),
      numbers(10).map((number) => run(number)),
    );
    const history = numbers(10_000).map((number) => run(number, { id: `run_long_${number}` }));
    await service.collections.runs.insertMany(
      history.map(({ id, ...fields }) => ({ ...fields, _id: id, task_id: uuid(2) })),
    );
    await service.runs.recordRuns(uuid(2), history.slice(-1));

    for (const id of [uuid(1), uuid(2)]) {
      const { tasks, commands, runsRead } = await costOf({ id, limit: 10 });
      expect(tasks[0]?.recent_runs).toHaveLength(5);
      // Versions, tasks, runs, accounts.
      expect(commands).toEqual(['find', 'find', 'find', 'find']);
      expect(runsRead).toBe(5);
    }
    expect((await list({ id: uuid(2) }))[0]?.recent_runs[0]?.id).toBe('run_long_10000');
  });

  test('a page of a thousand tasks that were listed before takes as many round trips as a page of one', async () => {
    await service.collections.tasks.insertMany(
      Array.from({ length: 1_001 }, (_, index) =>
        task(index, { recent_runs: [{ id: `run_${index}`, createdAt: new Date(0) }] }),
      ),
    );
    await list({ limit: 1000 });
    expect((await costOf({ limit: 1 })).commands).toEqual(['find', 'find']);
    const { tasks, commands } = await costOf({ limit: 1000 });
    expect(tasks).toHaveLength(1000);
    expect(commands).toEqual(['find', 'find']);
  });
});
