/** The engine on the real embedded database, in virtual time. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { Long } from 'bson';
import { MongoNetworkError, MongoServerError } from 'mongodb';
import { QueueClaims } from '../../../src/store/queue-claims.ts';
import { QueueStore } from '../../../src/store/queue-store.ts';
import { RunStore } from '../../../src/store/run-store.ts';
import { TaskStore } from '../../../src/store/task-store.ts';
import { Expiry } from '../../../src/store/expiry.ts';
import { openTestDatabase } from '../../support/service.ts';
import { ACCOUNT, OTHER_ACCOUNT, uuid } from '../../support/builders.ts';
import type { Script } from '../support/engine-process.ts';
import { World, working } from '../support/world.ts';

let database: Awaited<ReturnType<typeof openTestDatabase>>;
let world: World;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  world = await World.open(database.collections);
});
afterEach(() => world.close());

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('a due task', () => {
  test('runs once at its fire time, and the run has all details', async () => {
    await world.addTask();
    const { engine } = world.startEngine();
    await world.pass(29_000);
    expect(world.calls).toEqual([]);
    await world.pass(1_500);
    const [run] = await world.runs();
    expect(run).toMatchObject({
      status: 'COMPLETED',
      taskIdentifier: 'recoup-task',
      payload: { type: 'scheduled', scheduled_at: '2026-11-23T12:01:00.000Z' },
      output: 'done',
      error: null,
      idempotencyKey: run?._id,
      startedAt: new Date('2026-11-23T12:01:00.000Z'),
      durationMs: expect.any(Number),
      attempts: [{ status: 'COMPLETED', error: null }],
    });
    expect(world.calls.map(({ job }) => job)).toMatchObject([
      {
        task: { id: uuid(1), timezone: 'UTC' },
        run: { id: run?._id },
        attempt: 1,
        scheduled_at: '2026-11-23T12:01:00.000Z',
      },
    ]);
    expect(await world.queued()).toEqual([]);
    expect(await world.occurrences()).toMatchObject([{ outcome: 'fired', run_id: run?._id }]);
    expect((await world.taskOf())?.recent_runs.map(({ id }) => id)).toEqual([run?._id]);
    expect((await world.taskOf())?.next_fire_at).toEqual(new Date('2026-11-23T12:02:00.000Z'));
    expect(engine.state()).toEqual({ kind: 'command', live: true, running: 0, waiting: 0 });
  });

  test('runs once however many processes plan and claim it', async () => {
    await world.addTask();
    for (const name of ['one', 'two', 'three']) world.startEngine({ name });
    await world.pass(3 * MINUTE);
    expect(await world.outcomes()).toEqual(['12:01 fired', '12:02 fired', '12:03 fired']);
    expect(await world.statuses()).toEqual(['COMPLETED', 'COMPLETED', 'COMPLETED']);
    expect(world.calls).toHaveLength(3);
  });

  test('whose settings another tool stored as null runs with the defaults', async () => {
    const { _id } = await world.addTask();
    const names = ['plan_from', 'overlap', 'catch_up', 'timeout_seconds', 'max_attempts'];
    const nulls = Object.fromEntries(names.map((name) => [name, null]));
    await world.collections.tasks.updateOne({ _id }, { $set: nulls });
    world.startEngine();
    await world.pass(2 * MINUTE);
    expect(await world.outcomes()).toEqual(['12:01 fired', '12:02 fired']);
    expect(await world.statuses()).toEqual(['COMPLETED', 'COMPLETED']);
  });

  test('neither runs nor keeps a plan while it is disabled', async () => {
    await world.addTask(1, { enabled: false });
    world.startEngine();
    await world.pass(2 * MINUTE);
    expect(world.calls).toEqual([]);
    const task = await world.taskOf();
    expect([task?.plan_from, task?.next_fire_at]).toEqual([undefined, undefined]);
  });

  test('stops firing once it is disabled, and loses its plan', async () => {
    await world.addTask();
    world.startEngine();
    await world.pass(MINUTE);
    const change = { enabled: false, updated_at: world.now };
    await new TaskStore(world.collections).update({ id: uuid(1) }, change, world.now);
    expect((await world.taskOf())?.next_fire_at).toEqual(world.now);
    await world.pass(3 * MINUTE);
    expect(await world.outcomes()).toEqual(['12:01 fired']);
    const task = await world.taskOf();
    expect([task?.plan_from, task?.next_fire_at]).toEqual([undefined, undefined]);
  });

  test('loses the problem that an engine of another kind has recorded', async () => {
    await world.addTask(1, { engine_problem: 'Trigger.dev replied with 422.' });
    const { version } = (await world.taskOf()) ?? {};
    world.startEngine();
    await world.pass(SECOND);
    const task = await world.taskOf();
    expect([task?.engine_problem, task?.version]).toEqual([undefined, (version ?? 0) + 1]);
  });

  test('is planned by the sweep if it has no plan, unless it is an unchanged sample', async () => {
    const noPlan = { plan_from: undefined, next_fire_at: undefined };
    await world.addTask(1, noPlan);
    await world.addTask(2, noPlan);
    const { version } = (await world.taskOf()) ?? {};
    world.startEngine({ sampleTasks: new Map([[uuid(2), undefined]]) });
    await world.pass(MINUTE);
    expect(world.calls.map(({ job }) => job.task.id)).toEqual([uuid(1)]);
    expect((await world.taskOf(2))?.next_fire_at).toBeUndefined();
    // Three writes of its run, each marked before and after; none for the plan.
    expect((await world.taskOf())?.version).toBe((version ?? 0) + 6);
  });
});

test('a sample task runs once its title alone was changed', async () => {
  const loaded = new Date('2026-01-01T00:00:00.000Z');
  const noPlan = { plan_from: undefined, next_fire_at: undefined, updated_at: loaded };
  await world.addTask(1, noPlan);
  await world.addTask(2, noPlan);
  const change = { title: 'Mine', updated_at: world.now };
  await new TaskStore(world.collections).update({ id: uuid(1) }, change, world.now);
  world.startEngine({ sampleTasks: new Map([1, 2].map((number) => [uuid(number), loaded] as const)) });
  await world.pass(MINUTE);
  expect(world.calls.map(({ job }) => job.task.id)).toEqual([uuid(1)]);
});

test('a planner that is behind misses no fire time', async () => {
  await world.addTask(1, { catch_up: 'skip', overlap: 'allow' });
  world.startEngine({
    concurrency: 0,
    latency: async (call) => {
      await new Promise<void>((resolve) => {
        world.time.at(world.time.ms + 20 * SECOND, resolve);
      });
      return world.time.during(async () => call());
    },
  });
  await world.pass(12 * MINUTE);
  const outcomes = await world.outcomes();
  expect(outcomes.length).toBeGreaterThan(5);
  expect(outcomes.filter((outcome) => !outcome.endsWith(' fired'))).toEqual([]);
});

describe('overlap', () => {
  const long = working(2.5 * MINUTE);
  test.each([
    [undefined, ['12:01 fired', '12:02 skipped overlap', '12:03 skipped overlap', '12:04 fired'], 2],
    ['skip', ['12:01 fired', '12:02 skipped overlap', '12:03 skipped overlap', '12:04 fired'], 2],
    ['queue', ['12:01 fired', '12:02 fired', '12:03 skipped queue_full', '12:04 fired'], 2],
    ['allow', ['12:01 fired', '12:02 fired', '12:03 fired', '12:04 fired'], 4],
  ] as const)('%s', async (overlap, expected, calls) => {
    await world.addTask(1, { ...(overlap && { overlap }) });
    world.startEngine({ script: long, concurrency: 8 });
    await world.pass(3.6 * MINUTE);
    expect(await world.outcomes()).toEqual(expected);
    expect(world.calls).toHaveLength(calls);
  });

  test('a manual run waits for the slot of its task, and causes no skip', async () => {
    await world.addTask();
    const { engine } = world.startEngine({ script: working(20 * SECOND) });
    await world.pass(31 * SECOND);
    await world.runNow(uuid(1), { input: { tone: 'dry' } });
    engine.wake();
    await world.pass(15 * SECOND);
    expect(await world.statuses()).toEqual(['EXECUTING', 'QUEUED']);
    await world.pass(10 * SECOND);
    expect(await world.statuses()).toEqual(['COMPLETED', 'EXECUTING']);
    const [, manual] = await world.runs();
    expect(manual?.payload).toEqual({ type: 'manual', scheduled_at: null, input: { tone: 'dry' } });
    await world.pass(20 * SECOND);
    expect(await world.statuses()).toEqual(['COMPLETED', 'COMPLETED']);
  });
});

describe('what becomes of a run', () => {
  const fails: Script = async () => ({
    kind: 'failed',
    error: { name: 'ExitCode', message: 'exit 1', stackTrace: 'x'.repeat(10_000) },
    repeatable: true,
  });
  const once = { schedule: '1 12 * * *' };

  test('a failed attempt is repeated up to max_attempts, and the run shows each attempt', async () => {
    await world.addTask(1, { ...once, max_attempts: 3 });
    world.startEngine({ script: fails });
    await world.pass(31 * SECOND);
    expect(await world.statuses()).toEqual(['REATTEMPTING']);
    await world.pass(MINUTE);
    const [run] = await world.runs();
    expect(run).toMatchObject({ status: 'FAILED', error: { name: 'ExitCode' } });
    expect(run?.attempts?.map(({ status, error }) => `${status} ${error?.message}`)).toEqual(
      Array(3).fill('FAILED exit 1'),
    );
    expect(new Set(run?.attempts?.map(({ id }) => id)).size).toBe(3);
    expect(run?.error?.stackTrace?.length).toBeLessThan(4_200);
    expect(world.deliveries).toEqual(['one 1', 'one 2', 'one 3']);
    expect(new Set(world.calls.map(({ job }) => job.run.id)).size).toBe(1);
  });

  test('an undelivered try is not an attempt; after the deadline, the run is NotDelivered', async () => {
    await world.addTask(1, { ...once, timeout_seconds: 100 });
    world.startEngine({ script: async () => ({ kind: 'undelivered', error: { message: 'refused' } }) });
    await world.pass(40 * SECOND);
    expect(await world.runs()).toMatchObject([{ status: 'REATTEMPTING', attempts: [], startedAt: null }]);
    await world.pass(100 * SECOND);
    expect(await world.runs()).toMatchObject([
      {
        status: 'FAILED',
        error: { name: 'NotDelivered', message: expect.stringContaining('refused') },
        attempts: [],
        startedAt: null,
      },
    ]);
    const begun = world.calls.map(({ atMs }) => atMs);
    expect(begun.length).toBeGreaterThan(3);
    expect(begun.length).toBeLessThan(10);
    expect(await world.queued()).toEqual([]);
  });

  test('an attempt that takes too long is aborted, and the run is TimedOut', async () => {
    await world.addTask(1, { ...once, timeout_seconds: 10 });
    world.startEngine({ script: working(HOUR) });
    await world.pass(41 * SECOND);
    expect(await world.runs()).toMatchObject([
      { status: 'FAILED', error: { name: 'TimedOut' }, durationMs: 10_000 },
    ]);
  });

  test('an executor that neither ends nor stops is abandoned', async () => {
    await world.addTask(1, { ...once, timeout_seconds: 10 });
    world.startEngine({ script: () => new Promise(() => {}) });
    await world.pass(56 * SECOND);
    expect(await world.statuses()).toEqual(['FAILED']);
  });

  test('a run whose executor throws is a SYSTEM_FAILURE', async () => {
    await world.addTask(1, once);
    world.startEngine({
      script: async () => {
        throw new TypeError('broken');
      },
    });
    await world.pass(31 * SECOND);
    expect(await world.runs()).toMatchObject([
      { status: 'SYSTEM_FAILURE', error: { name: 'TypeError', message: 'broken' } },
    ]);
  });

  test('a run whose output the database refuses is a SYSTEM_FAILURE', async () => {
    await world.addTask(1, once);
    const nested = JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`);
    world.startEngine({ script: async () => ({ kind: 'completed', output: nested }) });
    await world.pass(35 * SECOND);
    expect(await world.runs()).toMatchObject([{ status: 'SYSTEM_FAILURE', error: { name: 'StorageError' } }]);
    expect(await world.queued()).toEqual([]);
  });

  /** The collection of runs, in which `intercept` takes the place of each change to a given status. */
  function interceptRuns(status: string, intercept: (change: () => Promise<unknown>) => Promise<unknown>) {
    const runs = new Proxy(world.collections.runs, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const call = () => Reflect.apply(value, target, args);
          const isIt = name === 'findOneAndUpdate' && inspect(args[1]).includes(`status: '${status}'`);
          return isIt ? intercept(call) : call();
        };
      },
    });
    return { ...world.collections, runs };
  }
  const refuse = async () => {
    throw new MongoServerError({ message: 'Document failed validation', code: 121 });
  };

  test('a run whose retry the database refuses for good is a SYSTEM_FAILURE', async () => {
    await world.addTask(1, { ...once, max_attempts: 3 });
    world.startEngine({ script: fails, collections: interceptRuns('REATTEMPTING', refuse) });
    await world.pass(35 * SECOND);
    expect(await world.runs()).toMatchObject([
      { status: 'SYSTEM_FAILURE', error: { name: 'StorageError' }, attempts: [{ status: 'FAILED' }] },
    ]);
    expect(await world.queued()).toEqual([]);
  });

  test('a result that the database refuses once is stored', async () => {
    await world.addTask(1, once);
    let refusals = 0;
    const collections = interceptRuns('COMPLETED', async (change) =>
      (refusals += 1) === 1 ? refuse() : change(),
    );
    world.startEngine({ collections });
    await world.pass(35 * SECOND);
    expect(await world.statuses()).toEqual(['COMPLETED']);
  });

  test('an attempt whose start was stored, but not confirmed, begins once', async () => {
    await world.addTask(1, once);
    let writes = 0;
    const collections = interceptRuns('EXECUTING', async (change) => {
      const changed = await change();
      writes += 1;
      if (writes === 1) throw new MongoNetworkError('The test lost the reply.');
      return changed;
    });
    world.startEngine({ collections });
    await world.pass(35 * SECOND);
    expect(await world.runs()).toMatchObject([{ status: 'COMPLETED', attempts: [{ status: 'COMPLETED' }] }]);
    expect(world.deliveries).toEqual(['one 1']);
  });

  test('a run that was canceled between its claim and its start leaves the queue at once', async () => {
    await world.addTask(1, once);
    const collections = interceptRuns('EXECUTING', async (change) => {
      await world.collections.runs.updateOne({}, { $set: { status: 'CANCELED' } });
      return change();
    });
    world.startEngine({ collections });
    await world.pass(31 * SECOND);
    expect(world.calls).toEqual([]);
    expect(await world.statuses()).toEqual(['CANCELED']);
    expect(await world.queued()).toEqual([]);
  });

  test('an output beyond all limits is cut', async () => {
    await world.addTask(1, once);
    world.startEngine({ script: async () => ({ kind: 'completed', output: 'x'.repeat(600_000) }) });
    await world.pass(31 * SECOND);
    expect(await world.runs()).toMatchObject([
      { status: 'COMPLETED', output: { cut: true, text: expect.any(String) } },
    ]);
  });

  test('an output keeps integers of 64 bits', async () => {
    await world.addTask(1, once);
    world.startEngine({ script: async () => ({ kind: 'completed', output: { id: 2n ** 62n + 1n } }) });
    await world.pass(31 * SECOND);
    expect(await world.runs()).toMatchObject([
      { status: 'COMPLETED', output: { id: Long.fromBigInt(2n ** 62n + 1n) } },
    ]);
  });

  test('a final status that the database cannot take is stored when it is back', async () => {
    await world.addTask(1, once);
    const process = world.startEngine({ script: working(5 * SECOND) });
    await world.pass(32 * SECOND);
    process.isCutOff = true;
    await world.pass(15 * SECOND);
    expect(await world.statuses()).toEqual(['EXECUTING']);
    process.isCutOff = false;
    await world.pass(3 * SECOND);
    expect(await world.runs()).toMatchObject([{ status: 'COMPLETED', output: 'done' }]);
    expect(world.calls).toHaveLength(1);
  });

  test('a final status is stored even after a minute, if no other worker has claimed the run', async () => {
    await world.addTask(1, once);
    const process = world.startEngine({ script: working(5 * SECOND) });
    await world.pass(32 * SECOND);
    process.isCutOff = true;
    await world.pass(MINUTE);
    process.isCutOff = false;
    await world.pass(3 * SECOND);
    expect(await world.statuses()).toEqual(['COMPLETED']);
  });
});

test('a manual run starts at once on a machine whose clock is behind', async () => {
  await world.addTask(1, { enabled: false });
  await world.runNow(uuid(1));
  world.startEngine({ now: new Date(world.now.getTime() - 10 * MINUTE) });
  await world.pass(SECOND);
  expect(await world.statuses()).toEqual(['COMPLETED']);
});

describe('cancel', () => {
  const cancel = (runId: string) => new QueueStore(world.collections).requestCancel(runId);

  test('a run that executes is stopped within seconds', async () => {
    await world.addTask();
    world.startEngine({ script: working(HOUR) });
    await world.pass(31 * SECOND);
    const [run] = await world.runs();
    await cancel(run?._id ?? '');
    await world.pass(2 * SECOND);
    expect(await world.runs()).toMatchObject([{ status: 'CANCELED', attempts: [{ status: 'CANCELED' }] }]);
  });

  test('work that completes in spite of the request counts', async () => {
    await world.addTask();
    world.startEngine({
      script: async ({ signal }, process) => {
        await process.work(HOUR, signal);
        return { kind: 'completed', output: 'in time' };
      },
    });
    await world.pass(31 * SECOND);
    const [run] = await world.runs();
    await cancel(run?._id ?? '');
    await world.pass(2 * SECOND);
    expect(await world.runs()).toMatchObject([{ status: 'COMPLETED', output: 'in time' }]);
  });

  test('a waiting run never starts, nor do those of a deleted task and the due ones of a disabled task', async () => {
    await world.addTask(1, { enabled: false });
    await world.runNow(uuid(1), { _id: 'run_canceled' });
    await cancel('run_canceled');
    await world.runNow(uuid(2), { _id: 'run_deleted' });
    const entry = { task_id: uuid(1), account_id: ACCOUNT, serial: true, due_at: world.now };
    const queue = new QueueStore(world.collections);
    await queue.add({ ...entry, _id: 'run_disabled', trigger: 'scheduled', scheduled_at: world.now });
    await queue.add({ ...entry, _id: 'run_by_hand', trigger: 'manual', scheduled_at: null });
    world.startEngine();
    await world.pass(5 * SECOND);
    expect(
      Object.fromEntries(
        (await world.runs()).map(({ _id, status, error }) => [_id, `${status} ${error?.message}`]),
      ),
    ).toEqual({
      run_canceled: 'CANCELED The run was canceled before it ended.',
      run_deleted: 'CANCELED The task was deleted.',
      run_disabled: 'CANCELED The task was disabled.',
      run_by_hand: 'COMPLETED undefined',
    });
    expect(await world.queued()).toEqual([]);
  });
});

describe('leases', () => {
  test('a run whose worker died is final within a minute of the next start', async () => {
    await world.addTask(1, { schedule: '1 12 * * *' });
    const worker = world.startEngine({ script: working(HOUR) });
    await world.pass(35 * SECOND);
    worker.kill();
    world.startEngine({ name: 'two' });
    await world.pass(MINUTE);
    expect(await world.runs()).toMatchObject([
      { status: 'CRASHED', error: { name: 'LostWorker' }, attempts: [{ status: 'FAILED' }] },
    ]);
    expect(world.deliveries).toEqual(['one 1']);
    expect(await world.queued()).toEqual([]);
  });

  test('it is repeated if max_attempts allows it', async () => {
    await world.addTask(1, { schedule: '1 12 * * *', max_attempts: 2 });
    const worker = world.startEngine({ script: working(HOUR) });
    await world.pass(35 * SECOND);
    worker.kill();
    world.startEngine({ name: 'two' });
    await world.pass(MINUTE);
    expect(world.deliveries).toEqual(['one 1', 'two 2']);
    const [run] = await world.runs();
    expect(run?.attempts?.map(({ status, error }) => [status, error?.name])).toEqual([
      ['FAILED', 'LostWorker'],
      ['COMPLETED', undefined],
    ]);
  });

  test('a worker that cannot renew its claim aborts its executor before another worker claims the run, and writes nothing', async () => {
    await world.addTask(1, { schedule: '1 12 * * *' });
    const worker = world.startEngine({ script: working(HOUR) });
    await world.pass(35 * SECOND);
    worker.isCutOff = true;
    await world.pass(20 * SECOND);
    expect(world.calls[0]?.signal.aborted).toBe(true);
    worker.isCutOff = false;
    expect(await world.statuses()).toEqual(['EXECUTING']);
    await world.pass(40 * SECOND);
    expect(await world.statuses()).toEqual(['CRASHED']);
  });

  test('a worker that can renew its claim just in time keeps the run', async () => {
    await world.addTask(1, { schedule: '1 12 * * *' });
    const worker = world.startEngine({ script: working(MINUTE) });
    await world.pass(39.5 * SECOND);
    worker.isCutOff = true;
    await world.pass(14 * SECOND);
    worker.isCutOff = false;
    await world.pass(MINUTE);
    expect(await world.statuses()).toEqual(['COMPLETED']);
    expect(world.calls).toHaveLength(1);
  });

  test('a worker that was paused overwrites nothing that others have decided', async () => {
    await world.addTask(1, { schedule: '1 12 * * *', max_attempts: 2 });
    const worker = world.startEngine({ script: working(10 * SECOND) });
    world.startEngine({ name: 'two', concurrency: 0 });
    await world.pass(35 * SECOND);
    worker.pause();
    world.startEngine({ name: 'three', script: working(5 * MINUTE) });
    await world.pass(MINUTE);
    expect(world.deliveries).toEqual(['one 1', 'three 2']);
    worker.resume();
    await world.pass(10 * SECOND);
    expect(await world.statuses()).toEqual(['EXECUTING']);
    await world.pass(5 * MINUTE);
    expect(await world.runs()).toMatchObject([
      { status: 'COMPLETED', attempts: [{ status: 'FAILED' }, { status: 'COMPLETED' }] },
    ]);
  });
});

test('a run that a worker claims again while its lost attempt still stops keeps its lease', async () => {
  await world.addTask(1, { schedule: '1 12 * * *', max_attempts: 2 });
  const worker = world.startEngine({
    script: async ({ job, signal }, process) => {
      await process.work(job.attempt === 1 ? HOUR : MINUTE, signal);
      if (!signal.aborted) return { kind: 'completed', output: 'done' };
      await process.work(10 * SECOND);
      return { kind: 'aborted' };
    },
  });
  world.startEngine({ name: 'two', concurrency: 0 });
  await world.pass(35 * SECOND);
  worker.pause();
  await world.pass(MINUTE);
  worker.resume();
  await world.pass(65 * SECOND);
  expect(world.deliveries).toEqual(['one 1', 'one 2']);
  expect(await world.runs()).toMatchObject([{ status: 'COMPLETED' }]);
});

describe('fairness', () => {
  /** Of each claimed run in turn. */
  const accounts = () => world.calls.map(({ job }) => (job.task.account_id === ACCOUNT ? 'a' : 'b')).join('');
  beforeEach(async () => {
    await world.addTask(1, { enabled: false });
    await world.addTask(2, { enabled: false, account_id: OTHER_ACCOUNT });
    const queue = new QueueStore(world.collections);
    for (let at = 0; at < 8; at += 1) {
      const common = { trigger: 'manual', scheduled_at: null, due_at: world.now, serial: false } as const;
      await queue.add({ ...common, _id: `run_a${at}`, task_id: uuid(1), account_id: ACCOUNT });
      if (at < 3)
        await queue.add({ ...common, _id: `run_b${at}`, task_id: uuid(2), account_id: OTHER_ACCOUNT });
    }
  });

  test('accounts take turns', async () => {
    // One place: runs that are claimed together start in any order.
    world.startEngine({ concurrency: 1, script: working(SECOND) });
    await world.pass(30 * SECOND);
    expect(accounts()).toBe('abababaaaaa');
  });

  test('no account has more than half of the places', async () => {
    const { engine } = world.startEngine({ script: working(10 * SECOND) });
    await world.pass(3 * SECOND);
    expect([...accounts()].toSorted()).toEqual(['a', 'a', 'b', 'b']);
    expect(engine.state()).toMatchObject({ running: 4, waiting: 7 });
    await world.pass(40 * SECOND);
    expect(accounts().slice(4)).toHaveLength(7);
    expect(await world.queued()).toEqual([]);
  });
});

test('one account alone has half of the places', async () => {
  await world.addTask(1, { enabled: false });
  const common = {
    task_id: uuid(1),
    account_id: ACCOUNT,
    trigger: 'manual',
    scheduled_at: null,
    serial: false,
  } as const;
  const queue = new QueueStore(world.collections);
  for (const _id of ['run_1', 'run_2', 'run_3', 'run_4'])
    await queue.add({ ...common, _id, due_at: world.now });
  const { engine } = world.startEngine({ script: working(MINUTE) });
  await world.pass(5 * SECOND);
  expect(engine.state()).toMatchObject({ running: 2, waiting: 2 });
});

describe('the end of the process', () => {
  test('leaves no timer behind, though one run ends within the grace period and another does not', async () => {
    await world.addTask(1);
    await world.addTask(2);
    const ofTask: Script = (attempt, process) =>
      working(attempt.job.task.id === uuid(1) ? 5 * SECOND : MINUTE)(attempt, process);
    const { engine } = world.startEngine({ script: ofTask });
    await world.pass(31 * SECOND);
    expect(world.calls).toHaveLength(2);
    const stopped = engine.stop();
    await world.pass(10 * SECOND);
    await stopped;
    expect(await world.statuses()).toEqual(expect.arrayContaining(['COMPLETED', 'INTERRUPTED']));
    expect(world.time.timers).toBe(0);
  });

  test('lets work end within the grace period', async () => {
    await world.addTask();
    const { engine } = world.startEngine({ script: working(6 * SECOND) });
    await world.pass(31 * SECOND);
    const stopped = engine.stop();
    await world.pass(6 * SECOND);
    await stopped;
    expect(await world.statuses()).toEqual(['COMPLETED']);
  });

  test('interrupts work that takes longer', async () => {
    await world.addTask(1, { max_attempts: 3 });
    const { engine } = world.startEngine({ script: working(HOUR) });
    await world.pass(31 * SECOND);
    const stopped = engine.stop();
    await world.pass(9 * SECOND);
    await stopped;
    expect(await world.runs()).toMatchObject([{ status: 'INTERRUPTED', attempts: [{ status: 'FAILED' }] }]);
    expect(await world.queued()).toEqual([]);
  });

  test('leaves no timer', async () => {
    await world.addTask(1, { enabled: false });
    await world.addTask(2, { enabled: false });
    await world.runNow(uuid(1), { _id: 'run_1' });
    await world.runNow(uuid(2), { _id: 'run_2' });
    const { engine } = world.startEngine({
      script: async (attempt, process) =>
        working(attempt.job.run.id === 'run_1' ? 10 * SECOND : HOUR)(attempt, process),
    });
    await world.pass(5 * SECOND);
    const stopped = engine.stop();
    await world.pass(9 * SECOND);
    await stopped;
    expect(await world.statuses()).toEqual(['COMPLETED', 'INTERRUPTED']);
    // That of the other run's work.
    expect(world.time.timers).toBe(0);
  });

  test('neither plans nor claims meanwhile', async () => {
    const hoursAgo = new Date(world.now.getTime() - 3 * HOUR);
    await world.collections.engine.insertOne({
      _id: 'engine',
      kind: 'command',
      at: hoursAgo,
      live_since: hoursAgo,
      first_at: hoursAgo,
    });
    for (const number of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      await world.addTask(number, { catch_up: 'all', plan_from: hoursAgo, next_fire_at: hoursAgo });
    const process = world.startEngine({ script: working(HOUR), concurrency: 1 });
    let stopped: Promise<void> | undefined;
    process.killWhen = () => {
      const decided = process.writesSince.filter((write) => write === 'occurrences.insertOne').length;
      if (decided === 40) stopped ??= process.engine.stop();
      return false;
    };
    await world.pass(9 * SECOND);
    await stopped;
    expect((await world.occurrences()).length).toBeLessThan(60);
    // All are decided after the next start, once.
    world.startEngine({ name: 'two', concurrency: 0 });
    await world.pass(5 * SECOND);
    expect((await world.occurrences()).length).toBe(10 * 102);
    expect((await world.queued()).length + (await world.runs()).length).toBeGreaterThanOrEqual(1_000);
  });

  test('hands over work that can be followed', async () => {
    const accepting: Script = async ({ signal, location, onAccepted }, process) => {
      if (location === undefined) await onAccepted('https://example.com/jobs/1');
      await process.work(MINUTE, signal);
      return signal.aborted ? { kind: 'aborted' } : { kind: 'completed', output: location };
    };
    await world.addTask(1, { schedule: '1 12 * * *' });
    const { engine } = world.startEngine({ script: accepting });
    await world.pass(31 * SECOND);
    const stopped = engine.stop();
    await world.pass(SECOND);
    await stopped;
    expect(await world.queued()).toMatchObject([{ owner: null, location: 'https://example.com/jobs/1' }]);
    expect(await world.statuses()).toEqual(['EXECUTING']);
    world.startEngine({ name: 'two', script: accepting });
    await world.pass(65 * SECOND);
    expect(await world.runs()).toMatchObject([
      { status: 'COMPLETED', output: 'https://example.com/jobs/1', attempts: [{ status: 'COMPLETED' }] },
    ]);
    expect(world.calls.map(({ job, location }) => [job.attempt, location])).toEqual([
      [1, undefined],
      [1, 'https://example.com/jobs/1'],
    ]);
  });

  test('returns undelivered runs to the queue', async () => {
    await world.addTask(1, { enabled: false });
    await world.runNow(uuid(1));
    const { engine } = world.startEngine({
      script: async () => ({ kind: 'undelivered', error: { message: 'refused' } }),
    });
    await world.pass(SECOND);
    const stopped = engine.stop();
    await world.pass(SECOND);
    await stopped;
    expect(await world.queued()).toMatchObject([{ owner: null }]);
    expect(await world.statuses()).toEqual(['REATTEMPTING']);
    world.startEngine({ name: 'two' });
    await world.pass(10 * SECOND);
    expect(await world.statuses()).toEqual(['COMPLETED']);
  });
});

describe('runs that no engine executes', () => {
  test('are canceled by any copy a day after they were due', async () => {
    await world.addTask(1, { enabled: false });
    await world.runNow(uuid(1));
    const expiry = new Expiry({
      claims: new QueueClaims(world.collections),
      runs: new RunStore(world.collections),
    });
    await world.pass(DAY);
    expect(await expiry.cancelExpired(world.now)).toBe(0);
    await world.pass(1);
    expect(await expiry.cancelExpired(world.now)).toBe(1);
    expect(await world.runs()).toMatchObject([
      { status: 'CANCELED', expiredAt: world.now, error: { name: 'Expired' } },
    ]);
    expect(await world.queued()).toEqual([]);
  });

  test('are read a few at a time, as their payloads may be large', async () => {
    for (let at = 0; at < 25; at += 1) await world.runNow(uuid(1), { _id: `run_${at}` });
    const claims = new QueueClaims(world.collections);
    await world.pass(DAY + 1);
    expect((await claims.unclaimedSince(world.now, '')).length).toBeLessThan(25);
    expect(await new Expiry({ claims, runs: new RunStore(world.collections) }).cancelExpired(world.now)).toBe(
      25,
    );
    expect(await world.queued()).toEqual([]);
  });

  test('are canceled also if their worker died', async () => {
    await world.addTask(1, { schedule: '1 12 * * *' });
    const worker = world.startEngine({ script: working(HOUR) });
    await world.pass(35 * SECOND);
    worker.kill();
    const expiry = new Expiry({
      claims: new QueueClaims(world.collections),
      runs: new RunStore(world.collections),
    });
    for (let passed = 0; passed <= DAY + 20 * MINUTE; passed += 10 * MINUTE) {
      await expiry.cancelExpired(world.now);
      await world.pass(10 * MINUTE);
    }
    expect(await world.runs()).toMatchObject([
      { status: 'CANCELED', attempts: [{ status: 'CANCELED', error: { name: 'Expired' } }] },
    ]);
  });

  test('are not started by an engine that finds them', async () => {
    await world.addTask(1, { enabled: false });
    await world.runNow(uuid(1));
    await world.pass(DAY + 1);
    world.startEngine();
    await world.pass(SECOND);
    expect(world.calls).toEqual([]);
    expect(await world.runs()).toMatchObject([{ status: 'CANCELED', expiredAt: expect.any(Date) }]);
  });
});
