import { MongoNetworkError, MongoServerError, ObjectId } from 'mongodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { deleteTask, listRuns, listTasks, recordRuns } from '../../../generated/sdk.gen.ts';
import type { RunReport } from '../../../generated/types.gen.ts';
import { RunOfAnotherTask, RunStore, UnknownTask } from '../../../src/store/run-store.ts';
import { ACCOUNT, OTHER_ACCOUNT, run, task, uuid } from '../../support/builders.ts';
import { queuedRun } from '../../support/queue.ts';
import { NOW, type Service, startService } from '../../support/service.ts';
import { countOf } from '../../support/count.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(async () => {
  await Promise.all([service.collections.tasks.deleteMany({}), service.collections.runs.deleteMany({})]);
  await service.collections.tasks.insertMany([task(1), task(2)]);
});

const later = (minutes: number) => new Date(Date.UTC(2026, 6, 1, 0, minutes));
const storedTask = () => service.collections.tasks.findOne({ _id: uuid(1) });
const storedRun = () => service.collections.runs.findOne({ _id: run(1).id });

describe('the store', () => {
  test('points the task to its last five runs and increments its version before and after they are written', async () => {
    await service.runs.recordRuns(uuid(1), [run(1), run(2), run(3), run(4), run(5), run(6)]);
    expect(await storedTask()).toMatchObject({
      version: 3,
      recent_runs: [6, 5, 4, 3, 2].map((number) => ({
        id: run(number).id,
        createdAt: run(number).createdAt,
      })),
    });
    await service.runs.recordRuns(uuid(1), [run(7)]);
    expect(await storedTask()).toMatchObject({ version: 5 });
    expect((await storedTask())?.recent_runs[0]?.id).toBe(run(7).id);
  });

  test('leaves other tasks alone', async () => {
    await service.runs.recordRuns(uuid(1), [run(1)]);
    expect(await service.collections.tasks.findOne({ _id: uuid(2) })).toEqual(task(2));
  });

  test('updates a run that goes on, by its id', async () => {
    await service.runs.recordRuns(uuid(1), [run(1, { status: 'QUEUED' })]);
    await service.runs.recordRuns(uuid(1), [run(1, { status: 'EXECUTING', updatedAt: later(1) })]);
    expect(await countOf(service.collections.runs)).toBe(1);
    expect(await storedRun()).toMatchObject({ status: 'EXECUTING', updatedAt: later(1) });
    expect((await storedTask())?.recent_runs).toHaveLength(1);
  });

  test('does not let a late report overwrite a newer state', async () => {
    await service.runs.recordRuns(uuid(1), [run(1, { status: 'EXECUTING', updatedAt: later(2) })]);
    await service.runs.recordRuns(uuid(1), [run(1, { status: 'QUEUED', updatedAt: later(1) })]);
    expect(await storedRun()).toMatchObject({ status: 'EXECUTING', updatedAt: later(2) });
  });

  test('does not let a run leave a final status, but completes what is said of it', async () => {
    await service.runs.recordRuns(uuid(1), [run(1, { status: 'FAILED', updatedAt: later(1) })]);
    await service.runs.recordRuns(uuid(1), [run(1, { status: 'EXECUTING', updatedAt: later(2) })]);
    expect(await storedRun()).toMatchObject({ status: 'FAILED', updatedAt: later(1) });
    await service.runs.recordRuns(uuid(1), [
      run(1, { status: 'FAILED', updatedAt: later(3), output: 'partial' }),
    ]);
    expect(await storedRun()).toMatchObject({ status: 'FAILED', updatedAt: later(3), output: 'partial' });
  });

  test.each(['COMPLETED', 'CANCELED', 'FAILED', 'CRASHED', 'INTERRUPTED', 'SYSTEM_FAILURE'] as const)(
    'takes %s for final',
    async (status) => {
      await service.runs.recordRuns(uuid(1), [run(1, { status })]);
      await service.runs.recordRuns(uuid(1), [run(1, { status: 'EXECUTING', updatedAt: later(1) })]);
      expect(await storedRun()).toMatchObject({ status });
    },
  );

  test('takes a report with the same updatedAt that says more', async () => {
    await service.runs.recordRuns(uuid(1), [run(1)]);
    await service.runs.recordRuns(uuid(1), [run(1, { output: 'more' })]);
    expect(await storedRun()).toMatchObject({ output: 'more' });
  });

  test('keeps the newer of two first reports that come at once, where both find nothing and the older is inserted first', async () => {
    const { id, ...older } = run(1, { status: 'QUEUED' });
    const document = { ...older, _id: id, task_id: uuid(1) };
    let calls = 0;
    // The look-up of the upsert finds nothing; until it inserts, the other report has done so.
    const raced = new Proxy(service.collections.runs, {
      get(target, name) {
        if (name !== 'bulkWrite') return Reflect.get(target, name).bind(target);
        return async (...args: Parameters<typeof target.bulkWrite>) => {
          calls += 1;
          if (calls > 1) return target.bulkWrite(...args);
          await target.insertOne(document);
          return target.bulkWrite([{ insertOne: { document } }], args[1]);
        };
      },
    });
    const store = new RunStore({ tasks: service.collections.tasks, runs: raced });
    await store.recordRuns(uuid(1), [run(1, { updatedAt: later(1) })]);
    expect(await storedRun()).toMatchObject({ status: 'COMPLETED', updatedAt: later(1) });
    expect(calls).toBe(2);
  });

  test('points to a run that another report added between reading the history and pointing to it', async () => {
    let raced = false;
    const tasks = new Proxy(service.collections.tasks, {
      get(target, name) {
        if (name !== 'updateOne') return Reflect.get(target, name).bind(target);
        return async (...args: Parameters<typeof target.updateOne>) => {
          if (!raced) {
            raced = true;
            await service.runs.recordRuns(uuid(1), [run(9)]);
          }
          return target.updateOne(...args);
        };
      },
    });
    await new RunStore({ tasks, runs: service.collections.runs }).recordRuns(uuid(1), [run(1)]);
    expect((await storedTask())?.recent_runs.map(({ id }) => id)).toEqual([run(9).id, run(1).id]);
    expect(await storedTask()).toMatchObject({ version: 5 });
  });

  test('writes runs in the order of their ids, so that two reports in opposite orders lock none of each other', async () => {
    service.commands.started.length = 0;
    await service.runs.recordRuns(uuid(1), [run(3), run(1, { updatedAt: later(1) }), run(2)]);
    const updates = service.commands.started.flatMap(({ command }) =>
      command.update === 'runs' ? command.updates : [],
    );
    expect(updates.map(({ q }: { q: { _id: string } }) => q._id)).toEqual([1, 2, 3].map((n) => run(n).id));
  });

  test('takes the same report twice for once', async () => {
    await service.runs.recordRuns(uuid(1), [run(1), run(2)]);
    const before = await service.collections.runs.find().sort({ _id: 1 }).toArray();
    await service.runs.recordRuns(uuid(1), [run(1), run(2)]);
    expect(await service.collections.runs.find().sort({ _id: 1 }).toArray()).toEqual(before);
  });

  test('does not move a run to another task', async () => {
    await service.runs.recordRuns(uuid(1), [run(1)]);
    const other = service.runs.recordRuns(uuid(2), [run(2), run(1, { updatedAt: later(1) })]);
    await expect(other).rejects.toThrow(RunOfAnotherTask);
    expect(await countOf(service.collections.runs)).toBe(1);
    expect(await storedRun()).toMatchObject({ task_id: uuid(1), updatedAt: run(1).updatedAt });
    expect(await service.collections.tasks.findOne({ _id: uuid(2) })).toEqual(task(2));
  });

  test('does not take a run that another task reports first in the same moment, and leaves no mark', async () => {
    const { id, ...fields } = run(1);
    const runs = new Proxy(service.collections.runs, {
      get(target, name) {
        if (name !== 'bulkWrite') return Reflect.get(target, name).bind(target);
        return async (...args: Parameters<typeof target.bulkWrite>) => {
          await target.updateOne(
            { _id: id },
            { $setOnInsert: { ...fields, task_id: uuid(2) } },
            { upsert: true },
          );
          return target.bulkWrite(...args);
        };
      },
    });
    const raced = new RunStore({ tasks: service.collections.tasks, runs }).recordRuns(uuid(1), [run(1)]);
    await expect(raced).rejects.toThrow(RunOfAnotherTask);
    expect(await storedTask()).toMatchObject({ recording: [], recent_runs: [] });
  });

  test('writes the other reports where one is stale', async () => {
    await service.runs.recordRuns(uuid(1), [run(1, { updatedAt: later(5) })]);
    await service.runs.recordRuns(uuid(1), [run(1), run(2)]);
    expect((await storedTask())?.recent_runs.map(({ id }) => id)).toEqual([run(2).id, run(1).id]);
  });

  test('refuses the runs of a task that does not exist, and writes nothing', async () => {
    await expect(service.runs.recordRuns(uuid(404), [run(1)])).rejects.toThrow(UnknownTask);
    expect(await countOf(service.collections.runs)).toBe(0);
  });

  test('leaves its mark on the task while it writes, and that of another report alone', async () => {
    const markSeen: number[] = [];
    const runs = new Proxy(service.collections.runs, {
      get(target, name) {
        if (name !== 'bulkWrite') return Reflect.get(target, name).bind(target);
        return async (...args: Parameters<typeof target.bulkWrite>) => {
          await service.runs.recordRuns(uuid(1), [run(2)]);
          markSeen.push((await storedTask())?.recording?.length ?? 0);
          return target.bulkWrite(...args);
        };
      },
    });
    await new RunStore({ tasks: service.collections.tasks, runs }).recordRuns(uuid(1), [run(1)]);
    expect(markSeen).toEqual([1]);
    expect((await storedTask())?.recording).toEqual([]);
    expect((await storedTask())?.recent_runs.map(({ id }) => id)).toEqual([run(2).id, run(1).id]);
  });

  test('takes its mark away where the database refuses what it writes, and only there', async () => {
    const failing = (failure: Error) =>
      new Proxy(service.collections.runs, {
        get(target, name) {
          if (name !== 'bulkWrite') return Reflect.get(target, name).bind(target);
          return async () => {
            throw failure;
          };
        },
      });
    const record = (error: Error) =>
      new RunStore({ tasks: service.collections.tasks, runs: failing(error) }).recordRuns(uuid(1), [run(1)]);
    const refused = new MongoServerError({ message: 'out of disk space', code: 14031 });
    await expect(record(refused)).rejects.toBe(refused);
    expect((await storedTask())?.recording).toEqual([]);
    // It may still be written.
    const lost = new MongoNetworkError('connection closed');
    await expect(record(lost)).rejects.toBe(lost);
    expect((await storedTask())?.recording).toHaveLength(1);
  });

  test('bears a thousand marks at most, however often its reports fail', async () => {
    const marks = Array.from({ length: 1_000 }, () => new ObjectId());
    await service.collections.tasks.updateOne({ _id: uuid(1) }, { $set: { recording: marks } });
    await service.runs.recordRuns(uuid(1), [run(1)]);
    expect((await storedTask())?.recording).toEqual(marks.slice(1));
  });

  test('takes a task that another tool has added, with nulls and without what is for this service to write', async () => {
    const { _id, ...fields } = task(3);
    const { recent_runs: _none, version: _nor, ...bare } = fields;
    await service.db
      .collection<{ _id: string }>('tasks')
      .insertOne(Object.assign({ _id, ...bare }, { recent_runs: null }));
    for (const number of [1, 2]) await service.runs.recordRuns(uuid(3), [run(number)]);
    expect(await service.collections.tasks.findOne({ _id: uuid(3) })).toMatchObject({
      recent_runs: [{ id: run(2).id }, { id: run(1).id }],
    });
  });

  test('takes away the marks of reports that were given up ten minutes ago, and of no others', async () => {
    const secondsAgo = (seconds: number) => ObjectId.createFromTime(Math.floor(Date.now() / 1_000) - seconds);
    const recent = secondsAgo(500);
    await service.collections.tasks.updateOne(
      { _id: uuid(1) },
      { $set: { recording: [secondsAgo(700), recent, secondsAgo(3_600)] } },
    );
    await service.runs.recordRuns(uuid(1), [run(1)]);
    expect((await storedTask())?.recording).toEqual([recent]);
  });

  test('mends pointers that a crash left behind', async () => {
    const { id, ...fields } = run(9);
    await service.collections.runs.insertOne({ ...fields, _id: id, task_id: uuid(1) });
    await service.runs.recordRuns(uuid(1), [run(1)]);
    expect((await storedTask())?.recent_runs.map((pointer) => pointer.id)).toEqual([run(9).id, run(1).id]);
  });

  test('keeps the pointers right under a hundred writers at once, who settle the task together', async () => {
    const numbers = Array.from({ length: 100 }, (_, index) => index + 1);
    service.commands.started.length = 0;
    await Promise.all(numbers.map((number) => service.runs.recordRuns(uuid(1), [run(number)])));
    expect(service.commands.started.length).toBeLessThan(5 * numbers.length);
    expect(await storedTask()).toMatchObject({
      recording: [],
      recent_runs: [100, 99, 98, 97, 96].map((n) => ({ id: run(n).id })),
    });
    expect((await storedTask())?.version).toBeGreaterThan(101);
  });

  test('keeps them right where the writers are several processes', async () => {
    const stores = Array.from({ length: 5 }, () => new RunStore(service.collections));
    const numbers = Array.from({ length: 50 }, (_, index) => index + 1);
    await Promise.all(numbers.map((number) => stores[number % 5]?.recordRuns(uuid(1), [run(number)])));
    expect(await storedTask()).toMatchObject({
      recording: [],
      recent_runs: [50, 49, 48, 47, 46].map((n) => ({ id: run(n).id })),
    });
  });
});

const report = (number: number, fields: Partial<RunReport> = {}): RunReport => ({
  id: `run_${number}`,
  status: 'COMPLETED',
  taskIdentifier: 'customer-prompt-task',
  createdAt: `2026-06-01T00:${String(number).padStart(2, '0')}:00.000Z`,
  updatedAt: `2026-06-01T00:${String(number).padStart(2, '0')}:30.000Z`,
  ...fields,
});
const record = (runs: RunReport[], task_id = uuid(1)) =>
  recordRuns({ client: service.client, body: { task_id, runs } });

const FULL: RunReport = {
  ...report(1),
  triggerFunction: 'batchTriggerAndWait',
  startedAt: '2026-06-01T00:01:01.000Z',
  finishedAt: '2026-06-01T00:01:30.000Z',
  delayedUntil: null,
  expiredAt: null,
  ttl: ['any', { json: 1 }],
  idempotencyKey: 'key',
  version: '20260601.1',
  isTest: false,
  tags: ['', 'weekly', '\u{1f3b5}'],
  metadata: { nested: { deep: [1, 2.5, -0.1, null, true] }, '': 'empty', 'a.b': 'dot', $gt: 'operator' },
  costInCents: 1.9,
  baseCostInCents: 0.0025,
  durationMs: 29_000,
  env: { id: 'env_1', name: 'production', user: null },
  depth: 0,
  batchId: null,
  payload: { __proto__x: 1, constructor: 'c', toString: 't', length: 3 },
  output: [{ $ref: 'alone' }, 1e300, Number.MAX_SAFE_INTEGER, '\u{10ffff}', '2026-06-01T00:00:00Z'],
  error: { message: '', name: 'TypeError', stackTrace: 'at\nx' },
  attempts: [
    {
      id: 'attempt_1',
      status: 'FAILED',
      createdAt: '2026-06-01T00:01:00.000Z',
      updatedAt: '2026-06-01T00:01:10.000Z',
      startedAt: null,
      completedAt: '2026-06-01T00:01:10.000Z',
      error: { message: 'no' },
    },
  ],
  schedule: {},
  relatedRuns: { root: { id: 'run_0' } },
};

describe('PUT /api/tasks/runs', () => {
  test('records a run with every field, which comes back as it was sent, and shows in its task', async () => {
    const { data } = await record([FULL]);
    expect(data).toEqual({ status: 'success', runs: [{ ...FULL, task_id: uuid(1) }] });
    const { data: listed } = await listTasks({ client: service.client, query: { id: uuid(1) } });
    expect(listed?.tasks[0]?.recent_runs).toEqual([FULL]);
  });

  test('replies with the runs as they are now, once each, in the order of the request', async () => {
    await record([report(2)]);
    const late = report(2, { status: 'EXECUTING', updatedAt: '2026-05-01T00:00:00Z' });
    const { data } = await record([report(3), late, report(1), report(3, { output: 'newest' })]);
    expect(data?.runs.map(({ id, status, output }) => [id, status, output])).toEqual([
      ['run_3', 'COMPLETED', 'newest'],
      ['run_2', 'COMPLETED', undefined],
      ['run_1', 'COMPLETED', undefined],
    ]);
  });

  test('drops what a newer report does not name', async () => {
    await record([report(1, { status: 'EXECUTING', metadata: { step: 1 } })]);
    const { data } = await record([report(1)]);
    expect(data?.runs[0]).toEqual({ ...report(1), task_id: uuid(1) });
  });

  test('takes instants with any offset, to the millisecond', async () => {
    const at = { createdAt: '2026-06-01T02:00:00.123456+02:00', updatedAt: '2026-06-01T00:00:00Z' };
    const { data } = await record([report(1, at)]);
    expect(data?.runs[0]).toMatchObject({
      createdAt: '2026-06-01T00:00:00.123Z',
      updatedAt: '2026-06-01T00:00:00.000Z',
    });
  });

  test('takes a hundred runs of nearly 8 MiB together', async () => {
    const runs = Array.from({ length: 100 }, (_, at) =>
      report(at, {
        createdAt: '2026-06-01T00:00:00Z',
        updatedAt: '2026-06-01T00:00:00Z',
        payload: 'x'.repeat(83_000),
      }),
    );
    const { data } = await record(runs);
    expect(data?.runs).toHaveLength(100);
  });

  test('takes a run of 256 KiB as JSON, and no byte more', async () => {
    const space = 262_144 - JSON.stringify(report(1, { payload: '' })).length;
    expect((await record([report(1, { payload: 'x'.repeat(space) })])).response.status).toBe(200);
    const { error, response } = await record([report(2), report(1, { payload: 'x'.repeat(space + 1) })]);
    expect([response.status, error?.code]).toEqual([413, 'body_too_large']);
    expect(error?.error).toContain('Field "runs.1" has 262,145 bytes');
    expect(await countOf(service.collections.runs)).toBe(1);
  });

  test('refuses an unknown task, and records nothing', async () => {
    const { error, response } = await record([report(1)], uuid(404));
    expect([response.status, error]).toMatchObject([404, { code: 'task_not_found', runs: [] }]);
    expect(await countOf(service.collections.runs)).toBe(0);
  });

  test('refuses all runs where one belongs to another task', async () => {
    await record([report(2)], uuid(2));
    const { error, response } = await record([report(1), report(2, { updatedAt: '2027-01-01T00:00:00Z' })]);
    expect([response.status, error?.code]).toEqual([409, 'run_of_another_task']);
    expect(error?.error).toContain('"runs.1.id": the run run_2');
    expect(await countOf(service.collections.runs)).toBe(1);
  });

  test('refuses all runs if one belongs to the engine, which is shown without its fence', async () => {
    await service.runs.addOwn(queuedRun('run_2'), NOW);
    const before = await service.runs.findOwn('run_2');
    const { error, response } = await record([report(1), report(2, { updatedAt: '2027-01-01T00:00:00Z' })]);
    expect([response.status, error?.code]).toEqual([409, 'run_of_the_engine']);
    expect(error?.error).toContain(`"runs.1.id": the run run_2 belongs to this service's engine`);
    expect(await countOf(service.collections.runs)).toBe(1);
    expect(await service.runs.findOwn('run_2')).toEqual(before);
    const { data } = await listRuns({ client: service.client, query: { runId: 'run_2' } });
    expect(data?.runs[0]).not.toHaveProperty('fence');
  });

  test('does not overwrite a run that the engine adds at the same moment', async () => {
    const { runs } = service.collections;
    const bulkWrite = runs.bulkWrite.bind(runs);
    runs.bulkWrite = async (...writes) => {
      runs.bulkWrite = bulkWrite;
      await service.runs.addOwn(queuedRun('run_1'), NOW);
      return bulkWrite(...writes);
    };
    const { error } = await record([report(1, { updatedAt: '2027-01-01T00:00:00Z' })]);
    expect(error?.code).toBe('run_of_the_engine');
    expect(await service.runs.findOwn('run_1')).toMatchObject({ status: 'QUEUED', fence: 0 });
  });

  const unknown = { ...report(1), surprise: 1 };
  test.each([
    [
      'a field that is missing',
      { runs: [{ ...report(1), status: undefined }] },
      '"runs.0.status" is missing',
    ],
    [
      'a status that there is not',
      { runs: [{ ...report(1), status: 'DONE' }] },
      '"runs.0.status" must be one of PENDING_VERSION',
    ],
    [
      'a field that is unknown',
      { runs: [report(2), unknown] },
      '"runs.1.surprise" is unknown. Allowed fields: id, status',
    ],
    ['a read-only field', { runs: [{ ...report(1), task_id: uuid(2) }] }, '"runs.0.task_id" is unknown'],
    [
      'the account',
      { runs: [report(1)], account_id: ACCOUNT },
      '"account_id" is unknown. Allowed fields: task_id, runs',
    ],
    [
      'no instant',
      { runs: [{ ...report(1), createdAt: 'yesterday' }] },
      '"runs.0.createdAt" must be an RFC 3339 instant',
    ],
    [
      'an instant without offset',
      { runs: [{ ...report(1), createdAt: '2026-06-01T00:00:00' }] },
      '"runs.0.createdAt"',
    ],
    [
      'a day that is none',
      { runs: [{ ...report(1), createdAt: '2026-02-30T00:00:00Z' }] },
      '"runs.0.createdAt"',
    ],
    ['a leap second', { runs: [{ ...report(1), createdAt: '2016-12-31T23:59:60Z' }] }, '"runs.0.createdAt"'],
    [
      'an instant that is of the year 10000 in UTC',
      { runs: [{ ...report(1), createdAt: '9999-12-31T23:00:00-02:00' }] },
      '"runs.0.createdAt" must be an RFC 3339 instant',
    ],
    ['no runs', { runs: [] }, '"runs"'],
    [
      '101 runs',
      { runs: Array.from({ length: 101 }, (_, at) => ({ ...report(1), id: `r${at}` })) },
      '"runs" must have at most 100 items',
    ],
    [
      'an error without message',
      { runs: [{ ...report(1), error: {} }] },
      '"runs.0.error.message" is missing',
    ],
    [
      'a field of an attempt that is unknown',
      { runs: [{ ...report(1), attempts: [{ ...FULL.attempts?.[0], x: 1 }] }] },
      '"runs.0.attempts.0.x" is unknown. Allowed fields: id, status, createdAt',
    ],
    [
      'an error that is a text',
      { runs: [{ ...report(1), error: 'x' }] },
      '"runs.0.error" must be object or null',
    ],
    ['eleven tags', { runs: [{ ...report(1), tags: 'abcdefghijk'.split('') }] }, '"runs.0.tags"'],
    [
      'NUL in a text',
      { runs: [{ ...report(1), taskIdentifier: 'a\0' }] },
      '"runs.0.taskIdentifier" must not contain NUL',
    ],
    [
      'NUL in free-form JSON',
      { runs: [{ ...report(1), payload: { a: ['b\0'] } }] },
      '"runs.0.payload.a.0" must not contain NUL',
    ],
    [
      'NUL in a name',
      { runs: [{ ...report(1), output: { 'a\0b': 1 } }] },
      '"runs.0.output" has a name with a NUL character',
    ],
    ['half a surrogate pair', { runs: [{ ...report(1), metadata: { a: '\ud800' } }] }, '"runs.0.metadata.a"'],
    [
      'a name of the database',
      { runs: [{ ...report(1), payload: { _bsontype: 'ObjectId' } }] },
      '"_bsontype"',
    ],
    [
      'a reference of the database',
      { runs: [{ ...report(1), payload: [{ $ref: 'a.b', $id: 1 }] }] },
      '"runs.0.payload.0" has both names "$ref" and "$id"',
    ],
  ])('refuses %s, and records nothing', async (_what, body, message) => {
    const response = await service.request('/api/tasks/runs', {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ task_id: uuid(1), ...body }),
    });
    const reply = await response.json();
    expect([response.status, reply.code]).toEqual([400, 'invalid_body']);
    expect(reply.error).toContain(message);
    expect(await countOf(service.collections.runs)).toBe(0);
  });

  test('refuses a number that is none of IEEE 754', async () => {
    const text = JSON.stringify({ task_id: uuid(1), runs: [report(1, { payload: { n: 1 } })] });
    const response = await service.request('/api/tasks/runs', {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: text.replace('"n":1', '"n":1e400'),
    });
    expect((await response.json()).error).toContain('"runs.0.payload.n" is too large');
  });

  test('names one of many problems', async () => {
    const fields = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`x${at}`, 1]));
    const response = await service.request('/api/tasks/runs', {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ task_id: uuid(1), runs: [report(1)], ...fields }),
    });
    const { error } = await response.json();
    expect(error.match(/is unknown/g)).toHaveLength(1);
    expect(error.length).toBeLessThan(300);
  });
});

describe('the account of a run', () => {
  test("is its task's", async () => {
    await service.collections.tasks.insertOne(task(3, { account_id: OTHER_ACCOUNT }));
    await service.runs.recordRuns(uuid(1), [run(1)]);
    await service.runs.recordRuns(uuid(3), [run(3)]);
    const stored = await service.collections.runs.find().sort({ _id: 1 }).toArray();
    expect(stored.map((one) => one.account_id)).toEqual([ACCOUNT, OTHER_ACCOUNT]);
  });

  test('and a report that is being written when the task is deleted is recorded', async () => {
    const raced = new Proxy(service.collections.runs, {
      get(target, name) {
        if (name !== 'bulkWrite') return Reflect.get(target, name).bind(target);
        return async (...args: Parameters<typeof target.bulkWrite>) => {
          await deleteTask({ client: service.client, body: { id: uuid(1) } });
          return target.bulkWrite(...args);
        };
      },
    });
    await new RunStore({ tasks: service.collections.tasks, runs: raced }).recordRuns(uuid(1), [run(1)]);
    expect(await storedRun()).toMatchObject({ task_id: uuid(1), account_id: ACCOUNT });
  });
});
