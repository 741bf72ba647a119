/** What the stores keep for the Trigger.dev engine. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { listTasks } from '../../generated/sdk.gen.ts';
import { CancelStore } from '../../src/store/cancel-store.ts';
import type { RunDocument } from '../../src/store/run-document.ts';
import type { TaskDocument } from '../../src/store/task-document.ts';
import { TombstoneStore } from '../../src/store/tombstone-store.ts';
import { TriggerTasks } from '../../src/store/trigger-tasks.ts';
import { run, unseenTask, uuid } from '../support/builders.ts';
import { queuedRun } from '../support/queue.ts';
import { NOW, type Service, startService } from '../support/service.ts';

let service: Service;
let triggerTasks: TriggerTasks;
let tombstones: TombstoneStore;
beforeAll(async () => {
  service = await startService();
  triggerTasks = new TriggerTasks(service.collections);
  tombstones = new TombstoneStore(service.collections);
});
afterAll(() => service.close());
beforeEach(async () => {
  const { tasks, runs, deleted_tasks } = service.collections;
  for (const one of [tasks, runs, deleted_tasks]) await one.deleteMany({});
});

const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000);
const store = (number: number, fields: Partial<TaskDocument> = {}) =>
  service.collections.tasks.insertOne(unseenTask(number, fields));
const stored = async () => ({ ...(await service.collections.tasks.findOne({ _id: uuid(1) })) });
const idsOf = (documents: { _id: string }[]) => documents.map(({ _id }) => _id);
const due = async () => (await triggerTasks.due(NOW, 10))[0] ?? { _id: '', schedule: '' };
const DUE = { plan_from: NOW, next_fire_at: NOW };

describe('tasks for Trigger.dev', () => {
  test('are due in the order in which they changed, and found by id', async () => {
    await store(1, { next_fire_at: later(0) });
    await store(2, { next_fire_at: later(-2) });
    await store(3, { next_fire_at: later(1) });
    await store(4);
    expect(idsOf(await triggerTasks.due(NOW, 10))).toEqual([uuid(2), uuid(1)]);
    expect(idsOf(await triggerTasks.due(NOW, 1))).toEqual([uuid(2)]);
    expect(idsOf(await triggerTasks.behind(uuid(1), 2))).toEqual([uuid(2), uuid(3)]);
    expect(idsOf(await triggerTasks.findByIds([uuid(4), uuid(9), uuid(1)]))).toEqual([uuid(1), uuid(4)]);
  });

  test('have the fields of their schedule, and none of their texts', async () => {
    const fields = { timezone: 'Europe/Berlin', overlap: 'queue', max_attempts: 2, ...DUE } as const;
    await store(1, fields);
    expect(await due()).toEqual({ _id: uuid(1), schedule: '0 9 * * 4', enabled: true, ...fields });
  });

  test('show what the engine found, in a new version, and updated_at stays', async () => {
    await store(1, { ...DUE, updated_at: later(-60) });
    const { version } = await stored();
    const findings = { trigger_schedule_id: 'sched_1', engine_problem: 'Refused.' };
    expect(await triggerTasks.settle(await due(), findings)).toBe(true);
    expect(await stored()).toMatchObject({
      ...findings,
      version: Number(version) + 1,
      updated_at: later(-60),
    });
    expect(await triggerTasks.due(NOW, 10)).toEqual([]);
    const { data } = await listTasks({ client: service.client });
    expect(data?.tasks).toMatchObject([findings]);
  });

  test('keep their version if nothing that they show changes', async () => {
    const shown = { trigger_schedule_id: 'sched_1', engine_problem: 'Refused.' };
    await store(1, { ...DUE, ...shown });
    const before = await stored();
    expect(await triggerTasks.settle(await due(), shown)).toBe(true);
    const { plan_from: _from, next_fire_at: _next, ...settled } = before;
    expect(await stored()).toEqual(settled);
    const [seen] = await triggerTasks.behind('', 1);
    service.commands.started.length = 0;
    expect(seen && (await triggerTasks.settle(seen, shown))).toBe(true);
    expect(service.commands.started).toEqual([]);
  });

  test('lose a problem that is solved', async () => {
    await store(1, { ...DUE, engine_problem: 'Refused.' });
    await triggerTasks.settle(await due(), { engine_problem: null });
    expect(await stored()).not.toHaveProperty('engine_problem');
    const { data } = await listTasks({ client: service.client });
    expect(data?.tasks[0]).not.toHaveProperty('engine_problem');
  });

  test('show at most 1,000 characters of a problem', async () => {
    await store(1, DUE);
    await triggerTasks.settle(await due(), { engine_problem: 'x'.repeat(2_000) });
    expect((await stored()).engine_problem).toBe('x'.repeat(1_000));
    const { version } = await stored();
    const [seen] = await triggerTasks.behind('', 1);
    if (seen) await triggerTasks.settle(seen, { engine_problem: 'x'.repeat(2_000) });
    expect((await stored()).version).toBe(version);
  });

  test.each([{ trigger_schedule_id: 'sched_1' }, {}])(
    'stay due if they changed since they were read: %j',
    async (findings) => {
      await store(1, DUE);
      const seen = await due();
      const changes = { schedule: '0 10 * * 4', updated_at: later(1) };
      await service.tasks.update({ id: uuid(1) }, changes, later(1));
      const before = await stored();
      expect(await triggerTasks.settle(seen, findings)).toBe(false);
      expect(await stored()).toEqual(before);
      expect(idsOf(await triggerTasks.due(later(1), 10))).toEqual([uuid(1)]);
    },
  );
});

test.each(['plan_from', 'next_fire_at'])(
  'a task whose %s changed since it was read stays due',
  async (field) => {
    await store(1, DUE);
    const seen = await due();
    await service.collections.tasks.updateOne({ _id: uuid(1) }, { $set: { [field]: later(-1) } });
    expect(await triggerTasks.settle(seen, {})).toBe(false);
    expect(idsOf(await triggerTasks.due(NOW, 10))).toEqual([uuid(1)]);
  },
);

describe('a tombstone', () => {
  test('is pending until its schedule is deleted, and stays', async () => {
    await store(1, { trigger_schedule_id: 'sched_1' });
    await store(2);
    for (const number of [1, 2]) await service.tasks.delete({ id: uuid(number) }, NOW);
    const pending = await tombstones.pending(10, NOW);
    expect(pending).toMatchObject([{ _id: uuid(1), trigger_schedule_id: 'sched_1' }, { _id: uuid(2) }]);
    expect(await tombstones.pending(1, NOW)).toHaveLength(1);
    for (const one of pending.slice(0, 1)) await tombstones.done(one);
    expect(idsOf(await tombstones.pending(10, NOW))).toEqual([uuid(2)]);
    const all = await tombstones.findAll([uuid(1), uuid(2), uuid(3)]);
    expect([...all.keys()]).toEqual([uuid(1), uuid(2)]);
    expect(all.get(uuid(1))).not.toHaveProperty('pending');
  });

  test('is pending again if its task was stored again and deleted again', async () => {
    await store(1);
    await service.tasks.delete({ id: uuid(1) }, NOW);
    const [first] = await tombstones.pending(10, NOW);
    await store(1, { trigger_schedule_id: 'sched_2' });
    await service.tasks.delete({ id: uuid(1) }, later(5));
    // The engine had read the first deletion.
    if (first) await tombstones.done(first);
    expect(await tombstones.pending(10, later(5))).toMatchObject([
      { _id: uuid(1), trigger_schedule_id: 'sched_2', deleted_at: later(5) },
    ]);
  });

  test('of a deletion that failed is not pending, and no longer kept as such after a minute', async () => {
    await store(1);
    await tombstones.add({ _id: uuid(1) }, NOW);
    const isPending = async () => (await tombstones.findAll([uuid(1)])).get(uuid(1))?.pending;
    expect(await tombstones.pending(10, later(60))).toEqual([]);
    expect(await isPending()).toBe(true);
    expect(await tombstones.pending(10, later(61))).toEqual([]);
    expect(await isPending()).toBeUndefined();
  });
});

test('a request to cancel a run is stored once, until it is served', async () => {
  const cancels = new CancelStore(service.collections);
  const wanted = { _id: 'run_a', engine_run_id: 'run_trigger' };
  await cancels.add(wanted, NOW);
  await cancels.add(wanted, later(5));
  const stored24h = { ...wanted, expires_at: later(24 * 3_600) };
  expect(await cancels.pending(10)).toEqual([stored24h]);
  await cancels.done('run_a');
  expect(await cancels.pending(10)).toEqual([]);
});

describe('an own run that is handed over to Trigger.dev', () => {
  const entry = queuedRun('run_a', { trigger: 'manual', scheduled_at: null, fence: 1 });
  const storedRun = (_id = 'run_a') => service.collections.runs.findOne({ _id });
  const report = (fields: Partial<RunDocument> = {}) => {
    const {
      _id,
      task_id: _task,
      account_id: _account,
      fence: _fence,
      unreported: _new,
      ...others
    } = {
      ...fields,
    };
    return { ...run(1), ...others, id: 'run_a', engine_run_id: 'run_trigger' };
  };
  beforeEach(async () => {
    await store(1);
    await service.runs.addOwn(entry, NOW);
  });

  test('is no longer written by claims, keeps its state and pointer, and changes its task', async () => {
    const { version } = await stored();
    expect(await service.runs.handOver(entry, 'run_trigger')).toBe(true);
    const { fence: _fence, ...queued } = { ...(await storedRun()) };
    expect(queued).toMatchObject({ status: 'QUEUED', updatedAt: NOW, engine_run_id: 'run_trigger' });
    expect(await service.runs.findOwn('run_a')).toBeNull();
    expect(await service.runs.writeOwn({ ...entry, fence: 9 }, { status: 'CANCELED' }, NOW)).toBeNull();
    expect(await service.runs.addOwn(entry, NOW)).toBeNull();
    const task = await stored();
    expect(task.version).toBeGreaterThan(Number(version));
    expect(task).toMatchObject({ recording: [], recent_runs: [{ id: 'run_a', createdAt: NOW }] });
  });

  test('can be handed over again to the same run, and to no other', async () => {
    expect(await service.runs.handOver(entry, 'run_trigger')).toBe(true);
    expect(await service.runs.handOver(entry, 'run_trigger')).toBe(true);
    expect(await service.runs.handOver(entry, 'run_other')).toBe(false);
    expect(await storedRun()).toMatchObject({ engine_run_id: 'run_trigger' });
  });

  test('stays an own run if it was canceled, or a later claim has written it', async () => {
    await service.runs.writeOwn({ ...entry, fence: 2 }, {}, NOW);
    expect(await service.runs.handOver(entry, 'run_trigger')).toBe(false);
    await service.runs.writeOwn({ ...entry, fence: 2 }, { status: 'CANCELED' }, NOW);
    expect(await service.runs.handOver({ ...entry, fence: 3 }, 'run_trigger')).toBe(false);
    expect(await service.runs.findOwn('run_a')).toMatchObject({ status: 'CANCELED' });
  });

  test.each(['report', 'list item'])(
    'takes the state of its first %s, even if the clock of Trigger.dev is behind',
    async (kind) => {
      await service.runs.handOver(entry, 'run_trigger');
      const createdAt = later(-30);
      const first = report({ status: 'EXECUTING', createdAt, updatedAt: later(-20) });
      await service.runs.recordRuns(uuid(1), [{ ...first, ...(kind === 'list item' && { listItem: {} }) }]);
      expect(await storedRun()).toMatchObject({
        status: 'EXECUTING',
        engine_run_id: 'run_trigger',
        updatedAt: later(-20),
      });
      expect(await storedRun()).not.toHaveProperty('unreported');
      expect((await stored()).recent_runs).toEqual([{ id: 'run_a', createdAt }]);
      // From then on, the instants of Trigger.dev decide.
      await service.runs.recordRuns(uuid(1), [
        report({ status: 'QUEUED', createdAt, updatedAt: later(-25) }),
      ]);
      expect(await storedRun()).toMatchObject({ status: 'EXECUTING' });
    },
  );

  test('is found while it is not final, and no run of others is', async () => {
    await service.runs.handOver(entry, 'run_trigger');
    const of = (number: number, status: RunDocument['status']) => ({
      ...run(number, { status }),
      engine_run_id: run(number).id,
    });
    await service.runs.recordRuns(uuid(1), [
      of(1, 'EXECUTING'),
      of(2, 'EXECUTING'),
      of(3, 'EXECUTING'),
      of(4, 'COMPLETED'),
      run(5, { status: 'EXECUTING' }),
    ]);
    const pages: string[][] = [];
    for await (const page of service.runs.openAtTrigger(2)) pages.push(idsOf(page));
    expect(pages).toEqual([['run_a'], [run(3).id, run(2).id], [run(1).id]]);
    const states = await service.runs.findStates(['run_a', run(5).id]);
    expect(states.get('run_a')).toMatchObject({ engine_run_id: 'run_trigger', status: 'QUEUED' });
    expect(states.get(run(5).id)).not.toHaveProperty('engine_run_id');
  });
});
