import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { dropOldRuns, keepRunsFor } from '../../src/store/retention.ts';
import { Settlement } from '../../src/store/settlement.ts';
import { run, task, uuid } from '../support/builders.ts';
import { NOW, type Service, memoryLog, startService } from '../support/service.ts';
import { countOf } from '../support/count.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(async () => {
  await Promise.all([service.collections.tasks.deleteMany({}), service.collections.runs.deleteMany({})]);
  await service.collections.tasks.insertMany([task(1), task(2)]);
});

const record = (taskNumber: number, numbers: number[], fields: Parameters<typeof run>[1] = {}) =>
  service.runs.recordRuns(
    uuid(taskNumber),
    numbers.map((number) => run(number, fields)),
  );
const drop = async (before = LATER) => (await dropOldRuns(service.collections, before)).deleted;
/** Stored runs that no report has settled. */
const documents = (taskNumber: number, numbers: number[], fields: Parameters<typeof run>[1] = {}) =>
  numbers.map((number) => {
    const { id, ...rest } = run(number, fields);
    return { ...rest, _id: id, task_id: uuid(taskNumber) };
  });
/** Stores tasks with the same number of runs each, as reports would. */
async function storeTasks(count: number, runsEach: number) {
  const numbersOf = (at: number) => upTo(runsEach).map((nth) => runsEach * at + nth);
  const pointersOf = (at: number) =>
    numbersOf(at)
      .toReversed()
      .slice(0, 5)
      .map((number) => ({ id: run(number).id, createdAt: run(number).createdAt }));
  await service.collections.tasks.insertMany(
    upTo(count).map((at) => task(1_000 + at, { recent_runs: pointersOf(at) })),
  );
  await service.collections.runs.insertMany(
    upTo(count).flatMap((at) => documents(1_000 + at, numbersOf(at))),
  );
}
const left = async () =>
  (await service.collections.runs.find().sort({ _id: 1 }).toArray()).map(({ _id }) => Number(_id.slice(4)));
/** Later than any run of these tests, unless it says otherwise. */
const LATER = new Date('2026-07-01T00:00:00Z');
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at);

describe('dropping old runs', () => {
  test('leaves each task its last five, and drops the others', async () => {
    await record(1, [1, 2, 3, 4, 5, 6, 7]);
    await record(2, [10, 11]);
    expect(await drop()).toBe(2);
    expect(await left()).toEqual([3, 4, 5, 6, 7, 10, 11]);
  });

  test('leaves what is not old, by when it was last changed', async () => {
    await record(1, upTo(8));
    await record(1, [20, 21], { updatedAt: LATER });
    expect(await drop(new Date(run(3).createdAt))).toBe(3);
    await record(1, [22], { createdAt: run(3).createdAt, updatedAt: LATER });
    await drop();
    expect(await left()).toEqual([5, 6, 7, 20, 21, 22]);
  });

  test.each(['PENDING_VERSION', 'DELAYED', 'QUEUED', 'EXECUTING', 'REATTEMPTING', 'FROZEN'] as const)(
    'leaves a run that is %s, however old',
    async (status) => {
      await record(1, upTo(9));
      await record(1, [100], { status, createdAt: new Date(0), updatedAt: new Date(0) });
      await drop();
      expect(await left()).toEqual([4, 5, 6, 7, 8, 100]);
    },
  );

  test('reads long histories to their end, of many tasks, also where most must stay', async () => {
    await storeTasks(300, 4);
    const { tasks, runs } = service.collections;
    await runs.insertMany(documents(1, upTo(2_400).slice(1_200)));
    await new Settlement({ tasks, runs }).repair(uuid(1));
    expect(await drop()).toBe(1_195);
    expect(await countOf(service.collections.runs, { task_id: uuid(1) })).toBe(5);
    expect(await countOf(service.collections.runs)).toBe(1_205);
    expect(await drop()).toBe(0);
  });

  test('leaves a run that is reported again after it was read', async () => {
    await record(1, upTo(8));
    const runs = new Proxy(service.collections.runs, {
      get(target, name) {
        if (name !== 'bulkWrite') return Reflect.get(target, name).bind(target);
        return async (...args: Parameters<typeof target.bulkWrite>) => {
          await record(1, [1], { updatedAt: LATER });
          return target.bulkWrite(...args);
        };
      },
    });
    expect(await dropOldRuns({ ...service.collections, runs }, LATER)).toEqual({ deleted: 2 });
    expect(await left()).toEqual([1, 3, 4, 5, 6, 7]);
  });

  test('drops all old runs of a task that is deleted, and leaves its newer ones', async () => {
    await record(1, upTo(4));
    await record(1, [20], { updatedAt: LATER });
    await record(2, [30, 31]);
    await service.tasks.delete({ id: uuid(1) }, NOW);
    expect(await drop()).toBe(4);
    expect(await left()).toEqual([20, 30, 31]);
  });

  test('leaves the last runs that a task does not point to yet', async () => {
    await record(1, upTo(8));
    await record(2, [10, 11, 12, 13, 14]);
    await service.collections.runs.insertMany(documents(2, [20, 21]));
    await service.collections.tasks.updateOne({ _id: uuid(1) }, { $unset: { recent_runs: '' } });
    expect(await drop()).toBe(0);
  });

  test('leaves what another tool wrote with values of other types', async () => {
    const stored = (name: string) => service.db.collection<Record<string, unknown> & { _id: string }>(name);
    await stored('runs').insertMany([
      ...documents(1, upTo(8)),
      ...documents(9, [30]).map((one) => ({ ...one, updatedAt: null })),
    ]);
    await stored('tasks').updateOne({ _id: uuid(1) }, { $set: { recent_runs: [1, 2, 3, 4, 5] } });
    expect(await drop()).toBe(0);
  });

  test('needs only one query for each batch of runs and one for its tasks, even with many dormant tasks', async () => {
    await storeTasks(240, 5);
    service.commands.started.length = 0;
    expect(await drop()).toBe(0);
    // Three batches of runs, each with its tasks.
    expect(service.commands.started.map(({ command }) => command.find)).toEqual([
      'runs',
      'tasks',
      'runs',
      'tasks',
      'runs',
      'tasks',
    ]);
  });

  test('reads a limited number of runs that stay, and continues after them', async () => {
    const { runs } = service.collections;
    await runs.insertMany(documents(9, upTo(20_600).slice(100), { status: 'FROZEN' }));
    await runs.insertMany(documents(9, upTo(100)));
    const first = await dropOldRuns(service.collections, LATER);
    expect(first).toEqual({ deleted: 0, next: { id: run(600).id, createdAt: run(600).createdAt } });
    const second = await dropOldRuns(service.collections, LATER, { after: first.next });
    expect(second).toEqual({ deleted: 100 });
    expect(await countOf(service.collections.runs)).toBe(20_500);
  });

  test('deletes in the order of ids, so that two passes do not block each other', async () => {
    await record(1, upTo(9));
    service.commands.started.length = 0;
    await drop();
    const deletes = service.commands.started.flatMap(({ command }) => command.deletes ?? []);
    expect(deletes.map(({ q }: { q: { _id: string } }) => q._id)).toEqual(upTo(4).map((n) => run(n).id));
  });

  test('keeps what the tasks point to', async () => {
    await record(1, upTo(12));
    await drop();
    const [stored] = await service.collections.tasks.find({ _id: uuid(1) }).toArray();
    expect(stored?.recent_runs.map(({ id }) => Number(id.slice(4))).toSorted((a, b) => a - b)).toEqual(
      await left(),
    );
  });
});

describe('the service that keeps runs for some days', () => {
  test('drops what is older when it starts, and says so', async () => {
    await record(1, upTo(8));
    const { lines, log } = memoryLog();
    const now = () => new Date(run(8).createdAt.getTime() + 30 * 24 * 3_600_000);
    const stop = keepRunsFor(30, { collections: service.collections, log, now });
    while (lines.length === 0) await new Promise(setImmediate);
    await stop();
    expect(await left()).toEqual([3, 4, 5, 6, 7]);
    expect(lines).toMatchObject([{ msg: 'deleted old runs', runs: 3, days: 30 }]);
  });

  test('is not kept from ending by a pass that would go on for long', async () => {
    const { started } = service.commands;
    await storeTasks(200, 10);
    const { lines, log } = memoryLog();
    started.length = 0;
    const stop = keepRunsFor(1, { collections: service.collections, log, now: () => LATER });
    // The first batch, and its tasks.
    while (started.length < 2) await new Promise(setImmediate);
    await stop();
    const asked = started.map(({ commandName }) => commandName);
    expect(asked.filter((name) => name === 'find').length).toBeLessThan(10);
    expect(asked).not.toContain('delete');
    expect(lines).toEqual([]);
    expect(await drop()).toBe(1_000);
  });

  test('logs a pass that fails', async () => {
    const { lines, log } = memoryLog();
    const runs = new Proxy(service.collections.runs, {
      get() {
        throw new Error('away');
      },
    });
    await keepRunsFor(1, { collections: { ...service.collections, runs }, log, now: () => LATER })();
    expect(lines).toMatchObject([{ level: 50, msg: expect.stringContaining('failed to delete old runs') }]);
  });
});
