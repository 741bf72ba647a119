import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { RunStore, UnknownTask } from '../src/runs/store.ts';
import { run, task, uuid } from './support/builders.ts';
import { type Service, startService } from './support/service.ts';

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

describe('recordRuns', () => {
  test('points the task to its last five runs and raises its version with every call', async () => {
    await service.runs.recordRuns(uuid(1), [run(1), run(2), run(3), run(4), run(5), run(6)]);
    expect(await storedTask()).toMatchObject({
      version: 2,
      recent_runs: [6, 5, 4, 3, 2].map((number) => ({
        id: run(number).id,
        createdAt: run(number).createdAt,
      })),
    });
    await service.runs.recordRuns(uuid(1), [run(7)]);
    expect(await storedTask()).toMatchObject({ version: 3 });
    expect((await storedTask())?.recent_runs[0]?.id).toBe(run(7).id);
  });

  test('leaves other tasks alone', async () => {
    await service.runs.recordRuns(uuid(1), [run(1)]);
    expect(await service.collections.tasks.findOne({ _id: uuid(2) })).toEqual(task(2));
  });

  test('updates a run that goes on, by its id', async () => {
    await service.runs.recordRuns(uuid(1), [run(1, { status: 'QUEUED' })]);
    await service.runs.recordRuns(uuid(1), [run(1, { status: 'EXECUTING', updatedAt: later(1) })]);
    expect(await service.collections.runs.countDocuments()).toBe(1);
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

  test('takes the same report twice for once', async () => {
    await service.runs.recordRuns(uuid(1), [run(1), run(2)]);
    const before = await service.collections.runs.find().sort({ _id: 1 }).toArray();
    await service.runs.recordRuns(uuid(1), [run(1), run(2)]);
    expect(await service.collections.runs.find().sort({ _id: 1 }).toArray()).toEqual(before);
  });

  test('does not move a run to another task', async () => {
    await service.runs.recordRuns(uuid(1), [run(1)]);
    await service.runs.recordRuns(uuid(2), [run(1, { updatedAt: later(1) })]);
    expect(await storedRun()).toMatchObject({ task_id: uuid(1), updatedAt: run(1).updatedAt });
    expect((await service.collections.tasks.findOne({ _id: uuid(2) }))?.recent_runs).toEqual([]);
  });

  test('writes the other reports where one is stale', async () => {
    await service.runs.recordRuns(uuid(1), [run(1, { updatedAt: later(5) })]);
    await service.runs.recordRuns(uuid(1), [run(1), run(2)]);
    expect((await storedTask())?.recent_runs.map(({ id }) => id)).toEqual([run(2).id, run(1).id]);
  });

  test('refuses the runs of a task that does not exist, and writes nothing', async () => {
    await expect(service.runs.recordRuns(uuid(404), [run(1)])).rejects.toThrow(UnknownTask);
    expect(await service.collections.runs.countDocuments()).toBe(0);
  });

  test('mends pointers that a crash left behind', async () => {
    const { id, ...fields } = run(9);
    await service.collections.runs.insertOne({ ...fields, _id: id, task_id: uuid(1) });
    await service.runs.recordRuns(uuid(1), [run(1)]);
    expect((await storedTask())?.recent_runs.map((pointer) => pointer.id)).toEqual([run(9).id, run(1).id]);
  });

  test('keeps the pointers right under twenty writers at once, each of whom raises the version', async () => {
    const numbers = Array.from({ length: 20 }, (_, index) => index + 1);
    await Promise.all(numbers.map((number) => service.runs.recordRuns(uuid(1), [run(number)])));
    expect(await storedTask()).toMatchObject({ version: 21 });
    expect((await storedTask())?.recent_runs.map(({ id }) => id)).toEqual(
      [20, 19, 18, 17, 16].map((n) => run(n).id),
    );
  });
});
