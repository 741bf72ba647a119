import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { TriggerFailure } from '../../../src/engine/trigger/api.ts';
import { task, uuid } from '../../support/builders.ts';
import { countOf } from '../../support/count.ts';
import { isLong } from '../../support/long.ts';
import { openTestDatabase } from '../../support/service.ts';
import { PREFIX, ScheduleWorld } from './support/schedule-world.ts';
import { EMPTY_KEY, type StubSchedule } from './support/stub.ts';

let database: Awaited<ReturnType<typeof openTestDatabase>>;
let world: ScheduleWorld;
/** What must stay as it is, with the state it had. */
let untouched: StubSchedule[];

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(async () => database.close());
beforeEach(async () => {
  const { tasks, deleted_tasks } = database.collections;
  await Promise.all([tasks.deleteMany({}), deleted_tasks.deleteMany({})]);
  world = new ScheduleWorld(database.collections);
  untouched = [];
  addForeign({ deduplicationKey: 'recoup-another-installation-1', externalId: 'another task' });
  addForeign({ deduplicationKey: `another-${PREFIX}${uuid(1)}`, active: false, window: '30m' });
  addForeign({ type: 'DECLARATIVE', externalId: uuid(1) });
});
afterEach(async () => {
  jest.restoreAllMocks();
  await world.end();
  for (const schedule of untouched) expect(world.stub.schedules.get(schedule.id)).toEqual(schedule);
});

function addForeign(fields: Partial<StubSchedule>): StubSchedule {
  const schedule = world.stub.addSchedule(fields);
  untouched.push({ ...schedule });
  return schedule;
}
const ours = () =>
  [...world.stub.schedules.values()].filter(({ id }) => !untouched.some((foreign) => foreign.id === id));
const kinds = () => world.stub.log.map(({ kind }) => kind).filter((kind) => kind !== 'listSchedules');
const noted = async (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof TriggerFailure ? error.kind : error),
  );
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

/** The different problems that tasks show. */
async function problems() {
  const tasks = await database.collections.tasks.find().toArray();
  return [...new Set(tasks.flatMap(({ engine_problem }) => engine_problem ?? []))];
}

describe('a look', () => {
  test('brings each change of a task to its schedule', async () => {
    const leader = await world.lead();
    await leader.fullPass();
    const { _id: id } = await world.create(1, { timezone: 'Europe/Berlin' });
    await leader.look();
    const [created] = ours();
    expect(created).toMatchObject({
      deduplicationKey: PREFIX + id,
      externalId: id,
      cron: '0 9 * * 4',
      timezone: 'Europe/Berlin',
      active: true,
    });
    const stored = await world.read(id);
    expect(stored).toMatchObject({ trigger_schedule_id: created?.id, version: 2 });
    expect([stored.next_fire_at, stored.plan_from, stored.updated_at]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);

    await world.change(id, { schedule: '30 7 * * *' });
    await leader.look();
    expect(ours()).toEqual([{ ...created, cron: '30 7 * * *' }]);
    await world.change(id, { enabled: false });
    await leader.look();
    expect(ours()).toEqual([{ ...created, cron: '30 7 * * *', active: false }]);
    await world.change(id, { enabled: true });
    await leader.look();
    expect(ours()).toEqual([{ ...created, cron: '30 7 * * *', active: true }]);
    await world.delete(id);
    await leader.look();
    expect(ours()).toEqual([]);
    expect(kinds()).toEqual([
      'createSchedule',
      'updateSchedule',
      'deactivateSchedule',
      'activateSchedule',
      'deleteSchedule',
    ]);
    expect(await countOf(database.collections.deleted_tasks, { pending: true })).toBe(0);
    world.stub.resetCounts();
    await leader.look();
    expect(world.stub.calls).toBe(0);
  });

  test('does nothing for a disabled task without a schedule', async () => {
    const leader = await world.lead();
    await leader.fullPass();
    const { _id: id } = await world.create(1);
    await world.change(id, { enabled: false, timezone: null });
    await leader.look();
    expect([kinds(), ours()]).toEqual([[], []]);
    expect((await world.read(id)).next_fire_at).toBeUndefined();
  });

  test('deactivates the schedule of a disabled task even if Trigger.dev refuses its other fields', async () => {
    const leader = await world.lead();
    const { _id: id } = await world.create(1);
    await leader.fullPass();
    world.stub.tasks.clear();
    await world.change(id, { enabled: false, schedule: '0 1 * * *' });
    await leader.look();
    expect(ours()).toMatchObject([{ active: false, cron: '0 9 * * 4' }]);
    expect((await world.read(id)).engine_problem).toMatch(/422: Task with identifier .* not found/);
  });

  test('deletes the schedule of a task that is deleted while its schedule is created', async () => {
    const leader = await world.lead();
    await leader.fullPass();
    const { _id: id } = await world.create(1);
    world.beforeStep = async (_, step) => {
      if (step === 'createSchedule') await world.delete(id);
    };
    await leader.look();
    expect([ours(), kinds()]).toEqual([[], ['createSchedule', 'deleteSchedule']]);
  });

  test('creates the schedule again if somebody deleted it', async () => {
    const leader = await world.lead();
    const { _id: id } = await world.create(1);
    await leader.fullPass();
    const before = await world.read(id);
    world.stub.schedules.delete(before.trigger_schedule_id ?? '');
    await world.change(id, { schedule: '0 1 * * *' });
    await leader.look();
    expect(await world.faults()).toEqual([]);
    expect(kinds()).toEqual(['createSchedule', 'updateSchedule', 'createSchedule']);
    expect((await world.read(id)).trigger_schedule_id).toBe(ours()[0]?.id);
    expect(ours()[0]?.id).not.toBe(before.trigger_schedule_id);
  });

  test('shows the settings that Trigger.dev does not honor, and keeps the schedule', async () => {
    const { _id: id } = await world.create(1, { overlap: 'skip', catch_up: 'once', max_attempts: 3 });
    const leader = await world.lead();
    await leader.fullPass();
    expect(await world.faults()).toEqual([]);
    const { engine_problem } = await world.read(id);
    expect(engine_problem).toMatch(
      /^Field "overlap" is "skip", but .*\. Field "max_attempts" is 3, but .*\.$/,
    );
    expect(engine_problem).not.toContain('catch_up');
  });
});

describe('schedules that are there already', () => {
  test('the one of trigger_schedule_id becomes the task’s', async () => {
    const { id } = world.stub.addSchedule({ externalId: uuid(5), task: 'old', active: false });
    const { _id } = await world.create(1, { trigger_schedule_id: id, timezone: 'Asia/Tokyo' });
    const leader = await world.lead();
    await leader.fullPass();
    expect(kinds()).toEqual(['updateSchedule', 'activateSchedule']);
    expect(ours()).toMatchObject([{ id, externalId: _id, timezone: 'Asia/Tokyo', active: true }]);
    await world.create(5);
    await leader.look();
    expect(ours()).toHaveLength(2);
    expect(await world.faults()).toEqual([]);
  });

  test('the first one with the externalId becomes the task’s, and others become inactive', async () => {
    const fields = { externalId: uuid(1), timezone: 'Asia/Tokyo' };
    const ids = upTo(3).map(() => world.stub.addSchedule(fields).id);
    await world.create(1, { schedule: '0 9 * * *', timezone: 'Asia/Tokyo' });
    const leader = await world.lead();
    await leader.fullPass();
    expect(kinds()).toEqual(['deactivateSchedule', 'deactivateSchedule']);
    expect(ours().map(({ id, active }) => [id, active])).toEqual([
      [ids[0], true],
      [ids[1], false],
      [ids[2], false],
    ]);
    expect((await world.read(uuid(1))).trigger_schedule_id).toBe(ids[0]);
    await world.delete(uuid(1));
    await leader.look();
    expect(ours()).toEqual([]);
  });

  test('the one of trigger_schedule_id comes before the one of the key, and that before others', async () => {
    const other = world.stub.addSchedule({ externalId: uuid(1) });
    const keyed = world.stub.addSchedule({ deduplicationKey: PREFIX + uuid(1), externalId: 'changed' });
    const named = world.stub.addSchedule({});
    await world.create(1, { trigger_schedule_id: named.id });
    const leader = await world.lead();
    await leader.fullPass();
    expect([other.active, keyed.active, named.active]).toEqual([false, false, true]);
    world.stub.schedules.delete(named.id);
    await leader.fullPass();
    expect([other.active, keyed.active]).toEqual([false, true]);
    expect(await world.faults()).toEqual([]);
  });

  test('one that several tasks name belongs to the task of its externalId', async () => {
    const { id } = world.stub.addSchedule({ externalId: uuid(2) });
    await world.create(1, { trigger_schedule_id: id });
    await world.create(2, { trigger_schedule_id: id });
    await world.create(3, { trigger_schedule_id: id });
    const leader = await world.lead();
    await leader.fullPass();
    expect(await world.faults()).toEqual([]);
    expect((await world.read(uuid(2))).trigger_schedule_id).toBe(id);
    await world.delete(uuid(3));
    await leader.fullPass();
    expect(await world.faults()).toEqual([]);
    expect(ours()).toHaveLength(2);
  });

  test('one whose key is that of a task that does not exist stays that task’s', async () => {
    const { id } = world.stub.addSchedule({ deduplicationKey: PREFIX + uuid(9), externalId: uuid(9) });
    await world.create(1, { trigger_schedule_id: id });
    const leader = await world.lead();
    await leader.fullPass();
    expect(await world.faults()).toEqual([]);
    expect(world.stub.schedules.get(id)).toMatchObject({ active: false, externalId: uuid(9) });
  });

  test('a declarative one is left alone even if a task names it', async () => {
    const { id } = addForeign({ type: 'DECLARATIVE' });
    await world.create(1, { trigger_schedule_id: id });
    await (await world.lead()).fullPass();
    expect(kinds()).toEqual(['createSchedule']);
    expect(await world.faults()).toEqual([]);
  });

  test('an inactive one with the key is activated', async () => {
    const leader = await world.lead();
    await leader.fullPass();
    world.stub.addSchedule({ deduplicationKey: PREFIX + uuid(1), active: false });
    await world.create(1);
    await leader.look();
    expect(kinds()).toEqual(['createSchedule', 'activateSchedule']);
    expect(await world.faults()).toEqual([]);
  });
});

describe('schedules of tasks that do not exist', () => {
  const addStrays = (first: number, count: number) =>
    upTo(count).map((number) =>
      world.stub.addSchedule({
        deduplicationKey: PREFIX + uuid(first + number),
        externalId: uuid(first + number),
      }),
    );

  test('are deactivated and shown, and deleted if a person deleted the task', async () => {
    const [stray, buried] = addStrays(1, 2);
    await world.create(3);
    await world.delete(uuid(3));
    const leader = await world.lead();
    await leader.fullPass();
    expect(ours()).toMatchObject([{ id: stray?.id, active: false }]);
    expect(buried).not.toBeUndefined();
    const { problem, strays } = leader.state();
    expect(strays).toBe(1);
    expect(problem).toMatch(/^1 of the 1 schedules .* have no task and were deactivated, e\.g\. sched_/);
    world.stub.schedules.delete(stray?.id ?? '');
    await leader.fullPass();
    expect(leader.state()).toEqual({ strays: 0 });
  });

  test('are deleted long after their task, e.g. if its creation ended late', async () => {
    const { _id: id } = await world.create(1);
    await world.delete(id);
    const leader = await world.lead();
    await leader.fullPass();
    addStrays(0, 1);
    await leader.fullPass();
    expect(ours()).toEqual([]);
  });

  test.each([
    [5, 5, true],
    [6, 54, true],
    [6, 53, false],
  ])('%i of them beside %i others: deactivated: %s', async (strays, others, areDeactivated) => {
    for (const number of upTo(others)) await world.create(number);
    addStrays(1_000, strays);
    const leader = await world.lead();
    await leader.fullPass();
    const changed = ours().filter(({ active }) => !active).length;
    expect(changed).toBe(areDeactivated ? strays : 0);
    expect(leader.state().strays).toBe(strays);
    expect(leader.state().problem).toMatch(
      areDeactivated ? /were deactivated/ : /too many .*more than 5 and more than 10 %/,
    );
    expect(world.stub.counts.deleteSchedule).toBe(0);
    expect(await leader.run()).toBe(leader.state().problem);
  });

  test.each(['deactivateSchedule', 'deleteSchedule'] as const)(
    'are looked up again before %s',
    async (act) => {
      const [first, second] = addStrays(0, 2);
      if (act === 'deleteSchedule') {
        for (const number of [1, 2]) {
          await world.create(number);
          await world.delete(uuid(number));
        }
        await database.collections.deleted_tasks.updateMany({}, { $unset: { pending: 1 } });
      }
      world.beforeStep = async (_, step) => {
        if (step === act && world.stub.counts[act] === 0) await world.create(2);
      };
      await (await world.lead()).fullPass();
      expect(world.stub.counts[act]).toBe(1);
      expect(second?.active).toBe(true);
      expect(world.stub.schedules.get(first?.id ?? '')?.active ?? false).toBe(false);
    },
  );
});

describe('a refusal', () => {
  test('shows at its tasks, costs few calls, and is retried by the next pass', async () => {
    world.stub.scheduleLimit = world.stub.schedules.size + 10;
    for (const number of upTo(60)) await world.create(number, { schedule: `${number % 60} 9 * * *` });
    const leader = await world.lead();
    await leader.fullPass();
    expect(ours()).toHaveLength(10);
    expect(world.stub.counts.createSchedule).toBeLessThanOrEqual(10 + 3 + 8);
    expect(await problems()).toEqual([
      expect.stringMatching(/^Trigger\.dev replied with 422: You have created 13\/13/),
    ]);
    expect(await countOf(database.collections.tasks, { engine_problem: { $exists: true } })).toBe(50);
    world.stub.resetCounts();
    await leader.look();
    expect(world.stub.calls).toBe(0);
    world.stub.scheduleLimit = 1_000;
    await world.create(61, { schedule: '60 9 * * *' });
    await leader.look();
    expect(ours()).toHaveLength(11);
    await leader.fullPass();
    expect(await world.faults()).toEqual([]);
    expect(await countOf(database.collections.tasks, { engine_problem: { $exists: true } })).toBe(0);
  });

  test('of a cron expression or a time zone does not spare the calls for others', async () => {
    for (const number of upTo(6)) await world.create(number, { schedule: '@daily' });
    for (const number of upTo(6))
      await world.create(10 + number, { timezone: 'Mars/Base', schedule: `${number} 1 * * *` });
    await world.create(20);
    const leader = await world.lead();
    await leader.fullPass();
    const alone = { $regex: 'Invalid' };
    expect(await countOf(database.collections.tasks, { engine_problem: alone })).toBe(12);
    expect(ours()).toMatchObject([{ externalId: uuid(20), active: true }]);
  });

  test('of all changes costs few calls', async () => {
    for (const number of upTo(30)) await world.create(number);
    await (await world.lead()).fullPass();
    world.stub.resetCounts();
    const leader = await world.lead({ task: 'unknown' });
    await leader.fullPass();
    expect(world.stub.counts.updateSchedule).toBeLessThanOrEqual(3 + 8);
    expect(await countOf(database.collections.tasks, { engine_problem: /Task with/ })).toBe(30);
  });
});

describe('without Trigger.dev', () => {
  test('a pass throws, keeps what is due, and continues the next time', async () => {
    for (const number of upTo(150)) await world.create(number);
    const leader = await world.lead();
    world.stub.failing = (kind, { count }) => (kind === 'createSchedule' && count === 120 ? 503 : undefined);
    expect(await noted(leader.run())).toBe('unreachable');
    const due = await countOf(database.collections.tasks, { next_fire_at: { $exists: true } });
    expect(due).toBeGreaterThan(0);
    expect(due).toBeLessThanOrEqual(50);
    await leader.run();
    expect(await world.faults()).toEqual([]);
    expect(world.stub.counts).toMatchObject({ listSchedules: 1, createSchedule: 151 });
  });

  test('a listing that fails half-way decides nothing', async () => {
    for (const number of upTo(120)) await world.create(number);
    const leader = await world.lead();
    await leader.fullPass();
    await world.change(uuid(1), { schedule: '0 1 * * *' });
    const before = structuredClone(ours());
    world.stub.failing = (kind, { url }) =>
      kind === 'listSchedules' && url.searchParams.get('page') === '2' ? 500 : undefined;
    world.stub.resetCounts();
    expect(await noted(leader.fullPass())).toBe('unreachable');
    expect(await noted(leader.look())).toBe('unreachable');
    expect([kinds(), ours()]).toEqual([[], before]);
    world.stub.failing = () => undefined;
    await leader.fullPass();
    expect(await world.faults()).toEqual([]);
  });

  test('a wrong key decides nothing', async () => {
    await world.create(1);
    const leader = await world.lead({ secretKey: 'wrong' });
    expect(await noted(leader.run())).toBe('unauthorized');
    expect((await world.read(uuid(1))).next_fire_at).toEqual(expect.any(Date));
  });

  const changed = (changes: Parameters<ScheduleWorld['change']>[1]) => () => world.change(uuid(1), changes);
  test.each([
    ['creation', 'POST', undefined, changed({ enabled: false })],
    ['creation', 'POST', undefined, () => world.delete(uuid(1))],
    ['change', 'PUT', { schedule: '0 1 * * *' }, changed({ schedule: '0 9 * * 4' })],
    ['activation', '/activate', { enabled: true }, changed({ enabled: false })],
    ['deactivation', '/deactivate', { enabled: false }, changed({ enabled: true })],
  ])('a lost reply to a %s does not hide what it did', async (_, lost, changes, next) => {
    const leader = await world.lead();
    await leader.fullPass();
    await world.create(1);
    if (changes) {
      await leader.look();
      await world.change(uuid(1), { enabled: lost !== '/activate' });
      await leader.look();
      await world.change(uuid(1), changes);
    }
    let isLost = false;
    world.isReplyLost = (method, path) => !isLost && (isLost = method === lost || path.endsWith(lost));
    expect(await noted(leader.look())).toBe('unreachable');
    await next();
    await leader.look();
    expect(await world.faults()).toEqual([]);
  });
});

describe('pointed at a project that does not fit the database, the leader deletes nothing', () => {
  async function storeOldTasks(): Promise<void> {
    for (const number of upTo(20)) await world.create(number, { enabled: number > 2 });
    await (await world.lead()).fullPass();
    await world.delete(uuid(20));
  }

  test('empty', async () => {
    await storeOldTasks();
    world.stub.schedules.clear();
    untouched = [];
    await (await world.lead()).fullPass();
    expect(await world.faults()).toEqual([]);
    expect(world.stub.counts.deleteSchedule).toBe(0);
  });

  test('with the key of an environment without schedules', async () => {
    await storeOldTasks();
    world.stub.resetCounts();
    await (await world.lead({ secretKey: EMPTY_KEY })).fullPass();
    expect(kinds().filter((kind) => kind !== 'createSchedule')).toEqual([]);
  });

  test('foreign', async () => {
    await storeOldTasks();
    world.stub.schedules.clear();
    untouched = [];
    for (const number of upTo(150))
      addForeign({ deduplicationKey: `theirs-${number}`, externalId: uuid(1_000 + number) });
    await (await world.lead()).fullPass();
    expect(await world.faults()).toEqual([]);
    expect(world.stub.counts).toMatchObject({ deleteSchedule: 0, deactivateSchedule: 0 });
  });

  test('after the database was lost', async () => {
    await storeOldTasks();
    await Promise.all([
      database.collections.tasks.deleteMany({}),
      database.collections.deleted_tasks.deleteMany({}),
    ]);
    const before = structuredClone(ours());
    const leader = await world.lead();
    await leader.fullPass();
    expect(ours()).toEqual(before);
    expect(leader.state().problem).toMatch(/^18 of the 18 schedules .* too many/);
    await (await world.lead({ prefix: 'recoup-new-installation-' })).fullPass();
    expect(ours()).toEqual(before);
  });

  test('after the database was restored from last month', async () => {
    await storeOldTasks();
    const { tasks, deleted_tasks } = database.collections;
    const backup = [await tasks.find().toArray(), await deleted_tasks.find().toArray()] as const;
    const leader = await world.lead();
    await leader.fullPass();
    for (const number of upTo(2)) await world.create(100 + number);
    await world.change(uuid(4), { schedule: '0 1 * * *' });
    await world.delete(uuid(5));
    await leader.fullPass();
    await Promise.all([tasks.deleteMany({}), deleted_tasks.deleteMany({})]);
    await tasks.insertMany(backup[0]);
    await deleted_tasks.insertMany(backup[1]);
    world.stub.resetCounts();
    const restored = await world.lead();
    await restored.fullPass();
    expect(await world.faults()).toEqual([]);
    expect(world.stub.counts).toMatchObject({ deleteSchedule: 0, createSchedule: 1, updateSchedule: 1 });
    expect(restored.state()).toMatchObject({ strays: 2 });
  });
});

describe('a failure that concerns one task', () => {
  /** Has all calls fail that change the schedule of a task. */
  const failFor = (id: string | undefined) => {
    world.stub.failing = (_kind, { url }) =>
      id !== undefined && url.pathname.includes(id) ? 500 : undefined;
  };

  test('delays only this task, in a full pass and between them', async () => {
    for (const number of upTo(20)) await world.create(number);
    await (await world.lead()).calm();
    await database.collections.tasks.updateMany({}, { $set: { schedule: '0 5 * * *' } });
    failFor((await world.read(uuid(1))).trigger_schedule_id ?? '');
    const leader = await world.lead();
    await expect(leader.run()).rejects.toThrow('500');
    await expect(leader.run()).rejects.toThrow('500');
    expect(await world.faults()).toEqual([expect.stringContaining(uuid(1))]);
    await world.change(uuid(2), { schedule: '0 6 * * *' });
    await world.delete(uuid(3));
    await expect(leader.run()).rejects.toThrow('500');
    expect(await world.faults()).toEqual([expect.stringContaining(uuid(1))]);
    failFor(undefined);
    await leader.run();
    expect(await world.faults()).toEqual([]);
  });

  test('delays only the deletion of its schedule', async () => {
    const tasks = [await world.create(1), await world.create(2)];
    const leader = await world.lead();
    await leader.fullPass();
    failFor((await world.read(uuid(1))).trigger_schedule_id ?? '');
    for (const { _id } of tasks) await world.delete(_id);
    await expect(leader.look()).rejects.toThrow('500');
    await expect(leader.look()).rejects.toThrow('500');
    expect(ours()).toMatchObject([{ externalId: uuid(1) }]);
    failFor(undefined);
    await leader.look();
    expect(ours()).toEqual([]);
  });

  test('shows at a task whose schedule Trigger.dev creates, but does not find', async () => {
    const { _id: id } = await world.create(1);
    world.stub.addSchedule({ deduplicationKey: PREFIX + id, active: false });
    world.stub.failing = (kind) => (kind === 'activateSchedule' ? 404 : undefined);
    await (await world.lead()).fullPass();
    expect(await problems()).toEqual([expect.stringContaining('did not find it')]);
  });
});

test('compares all tasks every 10 minutes, and those that changed in between', async () => {
  await world.create(1);
  const leader = await world.lead();
  await leader.run();
  await world.time.pass(599_000);
  for (const schedule of ours()) schedule.cron = '0 0 1 1 *';
  await world.create(2);
  await leader.run();
  expect(world.stub.counts).toMatchObject({ listSchedules: 1, createSchedule: 2, updateSchedule: 0 });
  await world.time.pass(1_000);
  await leader.run();
  expect(world.stub.counts).toMatchObject({ listSchedules: 2, updateSchedule: 1 });
  expect(await world.faults()).toEqual([]);
});

test('does not let changes wait for the end of a long pass', async () => {
  for (const number of upTo(350)) await world.create(number, { next_fire_at: null, plan_from: null });
  const leader = await world.lead();
  let isCreated = false;
  world.beforeStep = async () => {
    if (isCreated || world.stub.counts.createSchedule < 20) return;
    isCreated = true;
    await world.create(900, { schedule: '0 1 * * *' });
  };
  await leader.fullPass();
  const at = world.stub.log.findIndex(({ body }) => body.includes(uuid(900)));
  expect(at).toBeLessThan(110);
  expect(await world.faults()).toEqual([]);
});

test('a process that no longer leads stops', async () => {
  for (const number of upTo(50)) await world.create(number);
  const ending = new AbortController();
  world.beforeStep = () => {
    if (world.stub.counts.createSchedule === 10) ending.abort('ended');
  };
  const leader = await world.lead();
  expect(await noted(leader.fullPass(ending.signal))).toBe('ended');
  expect(world.stub.counts.createSchedule).toBeLessThanOrEqual(10 + 8);
});

/** 10,000 tasks take long; CI has fewer. */
const MANY = isLong ? 10_000 : 300;

test(`${MANY} tasks from nothing, then 1 % changed, take a call for each and the listing`, async () => {
  const now = world.clock.now();
  const all = upTo(MANY).map((number) => task(number, { plan_from: now, next_fire_at: now }));
  await database.collections.tasks.insertMany(all);
  const leader = await world.lead();
  await leader.fullPass();
  expect(await world.faults()).toEqual([]);
  expect(world.stub.counts).toMatchObject({ listSchedules: 1, createSchedule: MANY });
  expect([world.stub.calls, world.stub.limited]).toEqual([MANY + 1, 0]);
  world.stub.resetCounts();
  for (const number of upTo(MANY / 100)) await world.change(uuid(number * 100), { schedule: '0 1 * * *' });
  await leader.look();
  expect(await world.faults()).toEqual([]);
  expect(world.stub.calls).toBe(MANY / 100);
  await leader.fullPass();
  // The listing also contains the three foreign schedules.
  expect(world.stub.calls).toBe(MANY / 100 + Math.ceil((MANY + 3) / 100));
}, 600_000);

describe('any course', () => {
  const CRONS = ['0 9 * * *', '30 7 * * 1', '0 0 1 * *'];
  const ZONES = [null, 'Europe/Berlin', 'Asia/Tokyo'];
  const number = fc.integer({ min: 1, max: 6 });
  const event = fc.oneof(
    fc.record({ kind: fc.constant('create' as const), number, enabled: fc.boolean(), adopts: fc.nat(3) }),
    fc.record({
      kind: fc.constant('change' as const),
      number,
      changes: fc.record(
        {
          schedule: fc.constantFrom(...CRONS),
          timezone: fc.constantFrom(...ZONES),
          enabled: fc.boolean(),
        },
        { requiredKeys: [] },
      ),
    }),
    fc.record({ kind: fc.constant('delete' as const), number }),
    fc.record({ kind: fc.constantFrom('run' as const, 'pass' as const) }),
    fc.record({ kind: fc.constant('kill' as const), afterSteps: fc.nat(6) }),
    fc.record({ kind: fc.constant('vanish' as const), number }),
  );
  /** Of each call to Trigger.dev in turn: whether it fails, and whether it is executed all the same. */
  const fates = fc.array(fc.constantFrom('works', 'works', 'works', 'fails', 'lost'), { maxLength: 40 });

  test('ends in one active schedule for each enabled task', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 30 }), fates, async (events, outcomes) => {
        const { tasks, deleted_tasks } = database.collections;
        await Promise.all([tasks.deleteMany({}), deleted_tasks.deleteMany({})]);
        for (const { id } of ours()) world.stub.schedules.delete(id);
        let calls = 0;
        world.stub.failing = () => (outcomes[calls] === 'fails' ? 503 : undefined);
        world.isReplyLost = () => outcomes[(calls += 1)] === 'lost';
        let leader = await world.lead();
        let stepsLeft = Infinity;
        world.beforeStep = async () => {
          if ((stepsLeft -= 1) < 0) leader.kill();
        };
        for (const one of events) {
          if (one.kind === 'create' && !(await world.read(uuid(one.number)))._id) {
            const extra = upTo(one.adopts).map(() =>
              world.stub.addSchedule({ externalId: uuid(one.number) }),
            );
            await world.create(one.number, {
              enabled: one.enabled,
              trigger_schedule_id: extra.at(-1)?.id ?? null,
              // A task that a tool inserted is compared by the next full pass.
              ...(extra.length > 0 && { next_fire_at: null }),
            });
          }
          if (one.kind === 'change') await world.change(uuid(one.number), one.changes);
          if (one.kind === 'delete') await world.delete(uuid(one.number));
          if (one.kind === 'vanish') {
            const first = world.schedulesOf(uuid(one.number)).find(({ type }) => type === 'IMPERATIVE');
            world.stub.schedules.delete(first?.id ?? '');
          }
          if (one.kind === 'kill') stepsLeft = one.afterSteps;
          if (one.kind === 'run') await leader.run().catch(() => {});
          if (one.kind === 'pass') await leader.fullPass().catch(() => {});
          if (stepsLeft < 0) {
            stepsLeft = Infinity;
            leader = await world.lead();
          }
        }
        stepsLeft = Infinity;
        world.stub.failing = () => undefined;
        world.isReplyLost = () => false;
        // A tombstone of a task that exists again stays pending for a minute.
        await world.time.pass(61_000);
        // The first one ends a pass that was interrupted.
        await leader.fullPass();
        await leader.fullPass();
        expect(await world.faults()).toEqual([]);
        for (const { _id, enabled, trigger_schedule_id } of await tasks.find().toArray()) {
          const [active, ...others] = world
            .schedulesOf(_id)
            .filter((schedule) => schedule.active && schedule.type === 'IMPERATIVE');
          expect(others).toEqual([]);
          if (enabled !== false) expect(trigger_schedule_id).toBe(active?.id);
        }
        expect(await countOf(tasks, { next_fire_at: { $ne: null } })).toBe(0);
        expect(await countOf(deleted_tasks, { pending: true })).toBe(0);
        world.stub.resetCounts();
        await leader.fullPass();
        expect(kinds()).toEqual([]);
      }),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 50) },
    );
  }, 300_000);
});
