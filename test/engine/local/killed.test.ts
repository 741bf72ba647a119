/**
 * Kills a process between two writes and checks what happens to its run. docs/running-tasks.md has the names of these tests as
 * a table of steps and results.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { TaskDocument } from '../../../src/store/task-document.ts';
import { QueueStore } from '../../../src/store/queue-store.ts';
import { ACCOUNT, uuid } from '../../support/builders.ts';
import { openTestDatabase } from '../../support/service.ts';
import type { EngineProcess, Script } from '../support/engine-process.ts';
import { memoryCollections } from '../support/memory-collections.ts';
import { World, atOnce, working } from '../support/world.ts';

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
/** Due at 12:01, which is half a minute after the start. */
const ONCE = { schedule: '1 12 * * *' };
const SOON = 29 * SECOND;

const LOCATION = 'https://example.com/jobs/1';
const accepted: Script = async ({ location, signal, onAccepted }, process) => {
  if (location === undefined) await onAccepted(LOCATION);
  await process.work(2 * SECOND, signal);
  return { kind: 'completed', output: 'followed' };
};
const refusedAt =
  (name: string): Script =>
  async (_attempt, process) =>
    process.name === name
      ? { kind: 'undelivered', error: { message: 'refused' } }
      : { kind: 'completed', output: 'done' };

/** Kills the process before it makes a write for the n-th time from now. */
function killBefore(process: EngineProcess, write: string, time = 1): void {
  process.killWhen = () => process.writesSince.filter((one) => one === write).length >= time;
  process.writesSince = [];
}

interface Case {
  step: string;
  becomes: string;
  /** The write that does not happen, and which of its kind. */
  before?: [string, number?];
  script?: Script;
  task?: Partial<TaskDocument>;
  status: string;
  /** All calls of executors, as process and attempt. */
  deliveries: string[];
}

const CASES: Case[] = [
  {
    step: 'the fire time has come, nothing is stored',
    becomes: 'the next planner decides; up to a minute late is on time, later is a matter of catch_up',
    before: ['occurrences.insertOne'],
    status: 'COMPLETED',
    deliveries: ['two 1'],
  },
  {
    step: 'the decision to fire is stored, the run is not queued',
    becomes: 'the next planner queues it',
    before: ['run_queue.insertOne'],
    status: 'COMPLETED',
    deliveries: ['two 1'],
  },
  {
    step: 'the run is queued, the task still counts as due',
    becomes: 'it runs once; the next planner finds it decided',
    before: ['tasks.updateOne'],
    status: 'COMPLETED',
    deliveries: ['two 1'],
  },
  {
    step: 'the run is queued, nobody has claimed it',
    becomes: 'it runs',
    before: ['run_queue.findOneAndUpdate'],
    status: 'COMPLETED',
    deliveries: ['two 1'],
  },
  {
    step: 'the run is claimed, and not in the history',
    becomes: 'it runs when the claim is found lost, within a minute',
    before: ['runs.insertOne'],
    status: 'COMPLETED',
    deliveries: ['two 1'],
  },
  {
    step: 'the run is in the history as QUEUED, the claim has not written it',
    becomes: 'it runs when the claim is found lost',
    before: ['runs.findOneAndUpdate'],
    status: 'COMPLETED',
    deliveries: ['two 1'],
  },
  {
    step: 'the run is EXECUTING, the executor may or may not have begun',
    becomes: 'CRASHED, because the work may have been done',
    before: ['tasks.updateOne', 3],
    status: 'CRASHED',
    deliveries: [],
  },
  {
    step: 'the executor works',
    becomes: 'CRASHED',
    script: working(10 * SECOND),
    status: 'CRASHED',
    deliveries: ['one 1'],
  },
  {
    step: 'the executor works, and max_attempts is above 1',
    becomes: 'repeated with the same run id, and COMPLETED',
    script: working(10 * SECOND),
    task: { max_attempts: 2 },
    status: 'COMPLETED',
    deliveries: ['one 1', 'two 2'],
  },
  {
    step: 'the work has ended, its result is not stored',
    becomes: 'CRASHED, because nobody knows the result',
    before: ['runs.findOneAndUpdate', 2],
    status: 'CRASHED',
    deliveries: ['one 1'],
  },
  {
    step: 'the final status is stored, the run is still queued',
    becomes: 'it stays as it is, and leaves the queue',
    before: ['run_queue.deleteOne'],
    status: 'COMPLETED',
    deliveries: ['one 1'],
  },
  {
    step: 'the run has left the queue, those that wait for it are not awake',
    becomes: 'they start a second later',
    before: ['run_queue.updateMany'],
    status: 'COMPLETED',
    deliveries: ['one 1'],
  },
  {
    step: 'the receiver has refused the job, which is not stored',
    becomes: 'CRASHED, because nobody knows of the refusal',
    before: ['runs.findOneAndUpdate', 2],
    script: refusedAt('one'),
    status: 'CRASHED',
    deliveries: ['one 1'],
  },
  {
    step: 'the run is REATTEMPTING, and still claimed',
    becomes: 'tried again when the claim is found lost',
    before: ['run_queue.updateOne'],
    script: refusedAt('one'),
    status: 'COMPLETED',
    deliveries: ['one 1', 'two 1'],
  },
  {
    step: 'the run is REATTEMPTING, and waits',
    becomes: 'tried again',
    script: refusedAt('one'),
    status: 'COMPLETED',
    deliveries: ['one 1', 'one 1', 'two 1'],
  },
  {
    step: 'the receiver has accepted the job, its Location is not stored',
    becomes: 'CRASHED',
    before: ['run_queue.updateOne'],
    script: accepted,
    status: 'CRASHED',
    deliveries: ['one 1'],
  },
  {
    step: 'the Location is stored',
    becomes: 'followed to its end by another process, as the same attempt',
    before: ['runs.findOneAndUpdate', 2],
    script: accepted,
    status: 'COMPLETED',
    deliveries: ['one 1', 'two 1'],
  },
];

describe('a process that is killed when', () => {
  test.each(CASES)('$step: $becomes', async ({ before, script = atOnce, task, status, deliveries }) => {
    await world.addTask(1, { ...ONCE, ...task });
    const one = world.startEngine({ script });
    await world.pass(SOON);
    if (before) killBefore(one, ...before);
    await world.pass(3 * SECOND);
    expect(one.isAlive).toBe(before === undefined);
    one.kill();
    await world.pass(5 * SECOND);
    world.startEngine({ name: 'two', script });
    await world.pass(MINUTE);
    expect(await world.statuses()).toEqual([status]);
    expect(world.deliveries).toEqual(deliveries);
    expect(await world.queued()).toEqual([]);
    expect(await world.outcomes()).toEqual(['12:01 fired']);
    const [run] = await world.runs();
    expect((await world.taskOf())?.recent_runs.map(({ id }) => id)).toEqual([run?._id]);
  });

  test('a gap is recorded as missed, its newest fire time is not decided: that one runs late', async () => {
    await world.addTask(1, { schedule: '*/10 * * * *' });
    const zero = world.startEngine({ name: 'zero' });
    await world.pass(5 * SECOND);
    zero.kill();
    await world.pass(64 * MINUTE);
    const one = world.startEngine();
    killBefore(one, 'occurrences.insertOne', 2);
    await world.pass(5 * SECOND);
    expect(one.isAlive).toBe(false);
    world.startEngine({ name: 'two' });
    await world.pass(5 * SECOND);
    expect(await world.outcomes()).toEqual(['12:10 missed engine_away 5', '13:00 fired']);
    expect(await world.statuses()).toEqual(['COMPLETED']);
  });

  test('runTask has queued a run that is not in the history: it runs, and is in the history', async () => {
    await world.addTask(1, { enabled: false });
    const run = { _id: 'run_manual', task_id: uuid(1), account_id: ACCOUNT, trigger: 'manual' as const };
    await new QueueStore(world.collections).add({
      ...run,
      scheduled_at: null,
      due_at: world.now,
      serial: true,
    });
    world.startEngine();
    await world.pass(3 * SECOND);
    expect(await world.runs()).toMatchObject([{ _id: 'run_manual', status: 'COMPLETED' }]);
  });

  test('somebody asked to cancel a run, and it is not stopped yet: CANCELED when the claim is found lost', async () => {
    await world.addTask(1, ONCE);
    const one = world.startEngine({ script: working(MINUTE) });
    await world.pass(SOON + 2 * SECOND);
    const [run] = await world.runs();
    await new QueueStore(world.collections).requestCancel(run?._id ?? '');
    one.kill();
    world.startEngine({ name: 'two' });
    await world.pass(MINUTE);
    expect(await world.statuses()).toEqual(['CANCELED']);
    expect(world.deliveries).toEqual(['one 1']);
  });

  test('it has taken a lost claim from another process, and claimed nothing: the next claims the run', async () => {
    await world.addTask(1, { ...ONCE, max_attempts: 2 });
    const one = world.startEngine({ script: working(MINUTE) });
    await world.pass(SOON + 3 * SECOND);
    one.kill();
    const two = world.startEngine({ name: 'two' });
    killBefore(two, 'run_queue.findOneAndUpdate');
    await world.pass(40 * SECOND);
    expect(two.isAlive).toBe(false);
    world.startEngine({ name: 'three' });
    await world.pass(5 * SECOND);
    expect(world.deliveries).toEqual(['one 1', 'three 2']);
    expect(await world.statuses()).toEqual(['COMPLETED']);
  });
});

describe('killed before any single write', () => {
  const scripts: Record<string, Script> = {
    completed: working(SECOND),
    refused: refusedAt('one'),
    accepted,
    failed: async () => ({ kind: 'failed', error: { message: 'exit 1' }, repeatable: true }),
  };
  test.each(Object.keys(scripts))(
    'a run that is %s ends once, within a minute of the next start',
    async (name) => {
      const script = scripts[name] ?? atOnce;
      for (let at = 1; at <= 40; at += 1) {
        const memory = new World(memoryCollections());
        await memory.addTask(1, { ...ONCE, max_attempts: 2 });
        const one = memory.startEngine({ script });
        await memory.pass(SOON);
        one.writesSince = [];
        one.killWhen = () => one.writesSince.length >= at;
        await memory.pass(8 * SECOND);
        one.kill();
        memory.startEngine({ name: 'two', script });
        await memory.pass(MINUTE);
        const [status, ...others] = await memory.statuses();
        // The second of two failing attempts may be the one that is lost.
        expect(name === 'failed' ? ['FAILED', 'CRASHED'] : ['COMPLETED']).toContain(status);
        expect([others, await memory.queued()]).toEqual([[], []]);
        const byAttempt = new Set(memory.deliveries.map((delivery) => delivery.split(' ')[1]));
        expect(byAttempt.size).toBeLessThanOrEqual(2);
        expect(memory.calls.length).toBeLessThanOrEqual(name === 'refused' ? 4 : 2);
        memory.close();
      }
    },
  );
});
