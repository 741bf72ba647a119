/** The service with Trigger.dev as its engine, on virtual time: what a client of the API and Trigger.dev see. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  cancelRun,
  createTask,
  deleteTask,
  getCaller,
  getReadiness,
  listRuns,
  runTask,
  updateTask,
} from '../../../generated/sdk.gen.ts';
import type { UpdateTaskRequest } from '../../../generated/types.gen.ts';
import { Expiry } from '../../../src/store/expiry.ts';
import { QueueClaims } from '../../../src/store/queue-claims.ts';
import { ACCOUNT, ARTIST, unseenTask, uuid } from '../../support/builders.ts';
import type { Service } from '../../support/service.ts';
import { EMPTY_KEY, KEY, TASK, TriggerStub } from './support/stub.ts';
import { TriggerWorld, sole } from './support/trigger-world.ts';

let service: Service;
let world: TriggerWorld;
beforeAll(async () => {
  service = await TriggerWorld.serve();
});
afterAll(() => service.close());
beforeEach(async () => {
  world = await TriggerWorld.open(service);
});
afterEach(() => world.close());

const always = () => ({ client: service.client, throwOnError: true }) as const;
const update = async (id: string, fields: Omit<UpdateTaskRequest, 'id'>) =>
  updateTask({ ...always(), body: { id, ...fields } });
const remove = async (id: string) => deleteTask({ ...always(), body: { id } });
const cancel = async (runId: string) => cancelRun({ ...always(), body: { runId } });
const runNow = async (task_id: string, key?: string) => {
  const headers = key === undefined ? {} : { 'Idempotency-Key': key };
  return sole((await runTask({ ...always(), headers, body: { task_id } })).data.runs);
};
const problem = async () => (await getReadiness(always())).data.engine?.problem;
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

describe('a task that a client', () => {
  beforeEach(() => world.start());

  test('creates has a schedule within 10 seconds', async () => {
    const { id } = await world.create({ timezone: 'Europe/Berlin' });
    await world.pass(10);
    const { id: scheduleId, deduplicationKey, ...schedule } = world.schedule(id);
    expect(schedule).toMatchObject({
      task: TASK,
      cron: '0 9 * * 4',
      timezone: 'Europe/Berlin',
      active: true,
    });
    expect(deduplicationKey).toMatch(new RegExp(`^recoup-[-0-9a-f]{36}-${id}$`));
    expect(await world.task(id)).toMatchObject({ trigger_schedule_id: scheduleId });
  });

  test('changes, disables, enables and deletes changes its schedule, which keeps its zone and id', async () => {
    const { id } = await world.create({ timezone: 'Asia/Tokyo' });
    await world.pass(10);
    const before = { ...world.schedule(id) };
    await update(id, { schedule: '30 8 * * *' });
    await world.pass(10);
    expect(world.schedule(id)).toEqual({ ...before, cron: '30 8 * * *' });
    for (const enabled of [false, true]) {
      await update(id, { enabled });
      await world.pass(10);
      expect(world.schedule(id)).toEqual({ ...before, cron: '30 8 * * *', active: enabled });
    }
    await update(id, { timezone: 'UTC' });
    await world.pass(10);
    expect(world.schedule(id)).toEqual({ ...before, cron: '30 8 * * *', timezone: 'UTC' });
    await remove(id);
    await world.pass(10);
    expect(world.stub.schedules.size).toBe(0);
  });

  test('creates or changes with a field that Trigger.dev cannot honor is refused', async () => {
    const { id } = await world.create();
    const fields = { title: 'T', prompt: 'P', schedule: '0 9 * * *', account_id: ACCOUNT };
    const { client } = service;
    const replies = [
      await createTask({ client, body: { ...fields, artist_account_id: ARTIST, overlap: 'skip' } }),
      await updateTask({ client, body: { id, max_attempts: 2 } }),
    ];
    for (const { response, error } of replies) {
      expect(response.status).toBe(422);
      expect(error).toMatchObject({ code: 'not_supported' });
    }
  });

  test('stored with such a field before has a schedule, and shows which field is not honored', async () => {
    await service.collections.tasks.insertOne(unseenTask(1, { overlap: 'skip' }));
    await world.stop();
    await world.start();
    await world.pass(10);
    expect(world.schedule(uuid(1))).toMatchObject({ active: true });
    expect(await world.task(uuid(1))).toMatchObject({
      engine_problem: expect.stringContaining('Field "overlap" is "skip"'),
    });
  });
});

describe('a run', () => {
  beforeEach(() => world.start());

  test('that a schedule starts is listed with its task within 10 seconds, and so is its end', async () => {
    const { id } = await world.create();
    await world.pass(10);
    const { id: runId } = world.fire(id);
    await world.pass(10);
    const { data } = await listRuns({ ...always(), query: { task_id: id } });
    expect(data.runs).toMatchObject([{ id: runId, status: 'QUEUED', task_id: id }]);
    world.stub.change(runId, { status: 'COMPLETED', output: { text: 'Done' } });
    await world.pass(10);
    expect(await world.run(runId)).toMatchObject({ status: 'COMPLETED', output: { text: 'Done' } });
    expect((await world.task(id)).recent_runs).toMatchObject([{ id: runId, status: 'COMPLETED' }]);
    await world.expectRuns();
  });

  test('that a client starts is queued at once, arrives once, and ends under the same id', async () => {
    const { id } = await world.create();
    await world.pass(10);
    const run = await runNow(id, 'once');
    expect(run).toMatchObject({ status: 'QUEUED', task_id: id });
    await world.pass(10);
    expect(await runNow(id, 'once')).toMatchObject({ id: run.id });
    await world.pass(10);
    const sent = sole([...world.stub.runs.values()]);
    expect(sent).toMatchObject({ tags: [`account:${ACCOUNT}`], idempotencyKey: run.id });
    expect(sent.payload).toMatchObject({ externalId: id, scheduleId: world.schedule(id).id });
    world.stub.change(sent.id, { status: 'EXECUTING' });
    await world.pass(10);
    expect(await world.run(run.id)).toMatchObject({ status: 'EXECUTING' });
    world.stub.change(sent.id, { status: 'COMPLETED', output: 'Done' });
    await world.pass(10);
    expect(await runNow(id, 'once')).toMatchObject({ id: run.id, status: 'COMPLETED', output: 'Done' });
    expect((await world.task(id)).recent_runs).toMatchObject([{ id: run.id, status: 'COMPLETED' }]);
    await world.expectRuns();
  });

  test('that a client cancels before it is handed over never arrives', async () => {
    const { id } = await world.create();
    await world.stop();
    const { id: runId } = await runNow(id);
    await cancel(runId);
    expect(await world.run(runId)).toMatchObject({ status: 'CANCELED' });
    await world.start();
    await world.pass(20);
    expect(world.stub.runs.size).toBe(0);
  });

  test('that a client cancels later is canceled when Trigger.dev reports it', async () => {
    const { id } = await world.create();
    await world.pass(10);
    const manual = await runNow(id);
    const scheduled = world.fire(id);
    await world.pass(10);
    for (const runId of [manual.id, scheduled.id]) {
      await cancel(runId);
      expect(await world.run(runId)).toMatchObject({ status: 'QUEUED' });
    }
    await world.pass(10);
    for (const { status } of world.stub.runs.values()) expect(status).toBe('CANCELED');
    expect(world.stub.runs.size).toBe(2);
    await world.expectRuns();
  });
});

test('clients see Trigger.dev as the engine', async () => {
  expect((await getCaller(always())).data.engine).toBeNull();
  await world.start();
  expect((await getCaller(always())).data.engine).toBe('trigger');
  expect((await getReadiness(always())).data.engine).toEqual({ kind: 'trigger', state: 'active' });
});

describe('while Trigger.dev fails', () => {
  test('for an hour, reads work and the problem shows; after it, everything catches up', async () => {
    await world.start();
    const [kept, changed, disabled, removed] = [
      await world.create(),
      await world.create(),
      await world.create(),
      await world.create(),
    ];
    await world.pass(10);
    const [before, ending] = [await runNow(kept.id), world.fire(kept.id)];
    await world.pass(10);
    world.stub.failing = () => 'down';
    await update(changed.id, { schedule: '15 10 * * *', timezone: 'America/New_York' });
    await update(disabled.id, { enabled: false });
    await remove(removed.id);
    const created = await world.create();
    const queued = await runNow(created.id);
    await world.pass(1);
    await cancel(before.id);
    const expiry = new Expiry({ claims: new QueueClaims(service.collections), runs: service.runs });
    for (const _ of upTo(3)) {
      await world.pass(600);
      await expiry.cancelExpired(world.now);
    }
    // It may have arrived.
    await cancel(queued.id);
    const fired = world.fire(kept.id);
    world.stub.change(ending.id, { status: 'FAILED', error: { message: 'No', name: 'Error' } });
    await world.pass(1_800);
    expect(await problem()).toContain('Trigger.dev cannot be reached');
    expect(await world.tasks()).toHaveLength(4);
    expect(await world.run(before.id)).toMatchObject({ status: 'QUEUED' });
    expect(await world.run(queued.id)).toMatchObject({ status: 'QUEUED' });
    expect((await getCaller(always())).data.engine).toBe('trigger');
    world.stub.failing = () => undefined;
    // The longest backoff, and two passes of the listing.
    await world.pass(32);
    expect(await problem()).toBeUndefined();
    await world.expectSchedules();
    await world.expectRuns();
    expect(await world.run(fired.id)).toMatchObject({ status: 'QUEUED' });
    for (const { id } of [before, queued]) {
      expect(await world.run(id)).toMatchObject({ status: 'CANCELED' });
    }
    expect(world.stub.runs.size).toBe(4);
  });

  test('with bursts of 429 and with errors in the middle of listings, everything catches up', async () => {
    const others = upTo(150).map(() => world.stub.addSchedule({ externalId: 'of another' }));
    const snapshot = JSON.stringify(others);
    const created = await Promise.all(upTo(5).map(async () => world.create()));
    await world.start();
    await world.pass(10);
    for (const { id } of created) for (const _ of upTo(22)) world.fire(id);
    world.stub.rateLimit = 20;
    await Promise.all(created.map(async ({ id }) => update(id, { schedule: '45 7 * * *' })));
    await world.stop();
    let failures = 0;
    world.stub.failing = (kind, { url: { searchParams } }) => {
      const isLater = searchParams.get('page') === '2' || searchParams.has('page[after]');
      if (!kind.startsWith('list') || !isLater || failures >= 6) return undefined;
      failures += 1;
      return 500;
    };
    await world.start();
    await world.pass(2);
    expect(await problem()).toContain('Trigger.dev replied with 500');
    await world.pass(210);
    expect(failures).toBe(6);
    expect(world.stub.limited).toBeGreaterThan(1);
    expect(await problem()).toBeUndefined();
    expect(JSON.stringify(others)).toBe(snapshot);
    for (const { id } of others) world.stub.schedules.delete(id);
    await world.expectSchedules();
    await world.expectRuns();
  });
});

describe('while Trigger.dev always fails for one', () => {
  test('task, the others reach it, and the problem shows', async () => {
    const poisoned = '13 13 13 * *';
    world.stub.failing = () => (world.stub.log.at(-1)?.body.includes(poisoned) ? 500 : undefined);
    for (const number of upTo(130)) {
      await service.collections.tasks.insertOne(
        unseenTask(number, number === 1 ? { schedule: poisoned } : {}),
      );
    }
    await world.start();
    await world.pass(30);
    expect(world.stub.schedules.size).toBe(129);
    const { id } = await world.create();
    await update(uuid(2), { enabled: false });
    await world.pass(30);
    expect(world.schedule(id)).toMatchObject({ active: true });
    expect(world.schedule(uuid(2))).toMatchObject({ active: false });
    expect(await problem()).toContain('Trigger.dev replied with 500');
    await update(uuid(1), { schedule: '0 9 * * *' });
    await world.pass(50);
    expect(await problem()).toBeUndefined();
    await world.expectSchedules();
  });

  test('cancellation, other runs are handed over', async () => {
    await world.start();
    const { id } = await world.create();
    const handedOver = await runNow(id);
    await world.pass(10);
    world.stub.failing = (kind) => (kind === 'cancelRun' ? 500 : undefined);
    await cancel(handedOver.id);
    await runNow(id);
    await world.pass(20);
    expect(world.stub.counts.triggerRun).toBe(2);
    expect(await problem()).toContain('Trigger.dev replied with 500');
  });
});

describe('nothing is deleted at Trigger.dev', () => {
  /** Creates tasks with runs, and lets them reach Trigger.dev. */
  async function settle(count: number) {
    await world.start();
    const created = await Promise.all(upTo(count).map(async () => world.create()));
    await world.pass(10);
    const run = world.fire(created[0]?.id ?? '');
    await world.pass(10);
    return { created, run };
  }
  const schedules = () => [...world.stub.schedules.values()].map((schedule) => ({ ...schedule }));

  test('or in the database when the service is pointed at an empty project or one that a key does not see', async () => {
    const { run } = await settle(8);
    const [project, before] = [world.stub, schedules()];
    await world.stop();
    world.stub = new TriggerStub({ now: () => world.now });
    await world.start();
    await world.pass(30);
    expect(schedules()).toHaveLength(8);
    expect(await world.run(run.id)).toMatchObject({ status: 'QUEUED' });
    await world.stop();
    await world.stub.close();
    world.stub = project;
    await world.start({ secretKey: EMPTY_KEY });
    await world.pass(30);
    await world.stop();
    await world.start({ secretKey: KEY });
    await world.pass(30);
    expect(schedules()).toEqual(before);
    await world.expectSchedules();
    await world.expectRuns();
    expect(world.stub.counts).toMatchObject({ deleteSchedule: 0, deactivateSchedule: 0, cancelRun: 0 });
  });

  test('or changed when the service is pointed at a project of others', async () => {
    world.stub.tasks = new Set(['theirs']);
    const theirs = { task: 'theirs', active: true };
    world.stub.addSchedule({ ...theirs, externalId: 'user_1', deduplicationKey: 'recoup-1' });
    world.stub.addSchedule({ ...theirs, type: 'DECLARATIVE' });
    const run = world.stub.addRun({ taskIdentifier: 'theirs' });
    const before = JSON.stringify([schedules(), run]);
    await world.start();
    const { id } = await world.create();
    await world.pass(30);
    expect(JSON.stringify([schedules(), run])).toBe(before);
    expect(await world.task(id)).toMatchObject({ engine_problem: expect.stringContaining('not found') });
    expect((await listRuns(always())).data.runs).toEqual([]);
  });

  test.each([
    ['few, so that those of tasks that are missing become inactive', 3, true],
    ['many, so that none changes', 7, false],
  ])(
    'when the database is one of last month, and the tasks since then are %s',
    async (_name, count, isInactive) => {
      const { created } = await settle(4);
      const [changed, removed] = created;
      const names = ['tasks', 'runs', 'run_queue', 'engine', 'trigger', 'deleted_tasks'] as const;
      const copies = new Map<string, object[]>();
      for (const name of names) copies.set(name, await service.db.collection(name).find({}).toArray());
      await update(changed?.id ?? '', { schedule: '0 0 1 * *' });
      await remove(removed?.id ?? '');
      const later = await Promise.all(upTo(count).map(async () => world.create()));
      await world.pass(10);
      const run = world.fire(later[0]?.id ?? '');
      expect(world.stub.counts.deleteSchedule).toBe(1);
      await world.stop();
      await world.pass(31 * 86_400);
      for (const name of names) {
        const collection = service.db.collection(name);
        await collection.deleteMany({});
        const copy = copies.get(name) ?? [];
        if (copy.length > 0) await collection.insertMany(copy);
      }
      await world.start();
      await world.pass(30);
      expect(world.stub.counts.deleteSchedule).toBe(1);
      expect(world.stub.runs.get(run.id)).toMatchObject({ status: 'QUEUED' });
      expect(later.map(({ id }) => world.schedule(id).active)).toEqual(later.map(() => !isInactive));
      expect(await problem()).toContain(`${count} of the ${count + 4} schedules`);
      for (const { id } of later) world.stub.schedules.delete(world.schedule(id).id);
      await world.expectSchedules();
    },
  );
});
