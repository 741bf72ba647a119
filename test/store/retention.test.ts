import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { dropOldRuns, keepRunsFor } from '../../src/store/retention.ts';
import { run, task, uuid } from '../support/builders.ts';
import { type Service, memoryLog, startService } from '../support/service.ts';
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
const left = async () =>
  (await service.collections.runs.find().sort({ _id: 1 }).toArray()).map(({ _id }) => Number(_id.slice(4)));
/** Later than any run of these tests, unless it says otherwise. */
const LATER = new Date('2026-07-01T00:00:00Z');
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at);

describe('dropping old runs', () => {
  test('leaves each task its last five, and drops the others', async () => {
    await record(1, [1, 2, 3, 4, 5, 6, 7]);
    await record(2, [10, 11]);
    expect(await dropOldRuns(service.collections, LATER)).toBe(2);
    expect(await left()).toEqual([3, 4, 5, 6, 7, 10, 11]);
  });

  test('leaves what is not old, by when it was last changed', async () => {
    await record(1, upTo(8));
    await record(1, [20, 21], { updatedAt: LATER });
    expect(await dropOldRuns(service.collections, new Date(run(3).createdAt))).toBe(3);
    await record(1, [22], { createdAt: run(3).createdAt, updatedAt: LATER });
    await dropOldRuns(service.collections, LATER);
    expect(await left()).toEqual([5, 6, 7, 20, 21, 22]);
  });

  test.each(['PENDING_VERSION', 'DELAYED', 'QUEUED', 'EXECUTING', 'REATTEMPTING', 'FROZEN'] as const)(
    'leaves a run that is %s, however old',
    async (status) => {
      await record(1, upTo(9));
      await record(1, [100], { status, createdAt: new Date(0), updatedAt: new Date(0) });
      await dropOldRuns(service.collections, LATER);
      expect(await left()).toEqual([4, 5, 6, 7, 8, 100]);
    },
  );

  test('reads long histories to their end, of many tasks, also where most must stay', async () => {
    const documents = upTo(2_400).map((number) => {
      const { id, ...fields } = run(number);
      return { ...fields, _id: id, task_id: uuid(number < 1_200 ? 1 : 1_000 + Math.floor(number / 4)) };
    });
    await service.collections.runs.insertMany(documents);
    expect(await dropOldRuns(service.collections, LATER)).toBe(1_195);
    expect(await countOf(service.collections.runs, { task_id: uuid(1) })).toBe(5);
    expect(await countOf(service.collections.runs)).toBe(1_205);
    expect(await dropOldRuns(service.collections, LATER)).toBe(0);
  });

  test('keeps what the tasks point to', async () => {
    await record(1, upTo(12));
    await dropOldRuns(service.collections, LATER);
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
    expect(lines).toMatchObject([{ msg: 'old runs dropped', runs: 3, days: 30 }]);
  });

  test('is not kept from ending by a pass that would go on for long', async () => {
    const { started } = service.commands;
    await service.collections.runs.insertMany(
      upTo(2_000).map((number) => {
        const { id, ...fields } = run(number);
        return { ...fields, _id: id, task_id: uuid(Math.floor(number / 10)) };
      }),
    );
    const { lines, log } = memoryLog();
    started.length = 0;
    const stop = keepRunsFor(1, { collections: service.collections, log, now: () => LATER });
    // The first batch, and the last runs of the first of its fifty tasks.
    while (started.length < 2) await new Promise(setImmediate);
    await stop();
    const asked = started.map(({ commandName }) => commandName);
    expect(asked.filter((name) => name === 'find').length).toBeLessThan(10);
    expect(asked).not.toContain('delete');
    expect(lines).toEqual([]);
    const count = started.length;
    expect(await dropOldRuns(service.collections, LATER)).toBe(1_000);
    expect(started.length).toBeGreaterThan(count + 200);
  });

  test('logs a pass that fails', async () => {
    const { lines, log } = memoryLog();
    const runs = new Proxy(service.collections.runs, {
      get() {
        throw new Error('away');
      },
    });
    await keepRunsFor(1, { collections: { runs }, log, now: () => LATER })();
    expect(lines).toMatchObject([{ level: 50, msg: 'old runs could not be dropped' }]);
  });
});
