/** The service with Trigger.dev as its engine, whose processes are killed at random moments. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { cancelRun, deleteTask, runTask, updateTask } from '../../../generated/sdk.gen.ts';
import { isLong } from '../../support/long.ts';
import type { Service } from '../../support/service.ts';
import { type TriggerProcess, TriggerWorld, sole } from './support/trigger-world.ts';

const SEEDS = isLong ? 60 : 4;
const STEPS = 16;
const STEP_SECONDS = 4;
/** The most moments that a process has, and has left in a step in which all processes are killed. */
const MAX_MOMENTS = 600;
const MAX_MOMENTS_LEFT = 30;
const KILLING_STEPS = new Set([3, 9]);
/** The lease, the renewals around it, and the passes after it. */
const TAKE_OVER_SECONDS = 80;

let service: Service;
let world: TriggerWorld;
beforeAll(async () => {
  service = await TriggerWorld.serve();
});
afterAll(() => service.close());
afterEach(() => world.close());

/** Returns a generator of numbers below 1 (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('the end is the one without kills', () => {
  test.each(Array.from({ length: SEEDS }, (_, at) => at + 1))('with seed %d', async (seed) => {
    world = await TriggerWorld.open(service);
    const random = randomOf(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const always = { client: service.client, throwOnError: true } as const;
    const processes: TriggerProcess[] = [];
    const startOne = async () => {
      processes.push(await world.start({ killAt: 1 + below(MAX_MOMENTS) }));
    };
    await startOne();
    await startOne();

    /** Tasks whose schedules fire; they are never deleted, because a run of a deleted task is not stored. */
    const firing = [await world.create(), await world.create({ timezone: 'Asia/Tokyo' })];
    let others = [await world.create(), await world.create()];
    const canceled: string[] = [];
    const started = new Map<string, string>();
    const any = <One>(all: One[]): One | undefined => all[below(all.length)];
    const anyTask = () => any([...firing, ...others])?.id ?? '';
    const cancel = async (runId: string | undefined) => {
      if (runId === undefined) return;
      const { response } = await cancelRun({ client: service.client, body: { runId } });
      if (response.ok) canceled.push(runId);
    };
    const runNow = async () => {
      const task_id = anyTask();
      const { id } = sole((await runTask({ ...always, body: { task_id } })).data.runs);
      started.set(id, task_id);
      return id;
    };
    const actions: (() => Promise<unknown>)[] = [
      async () => others.push(await world.create({ enabled: random() < 0.8 })),
      async () =>
        updateTask({ ...always, body: { id: anyTask(), schedule: `${below(60)} 9 * * *`, timezone: 'UTC' } }),
      async () => updateTask({ ...always, body: { id: anyTask(), enabled: random() < 0.5 } }),
      async () => {
        const deleted = any(others);
        if (!deleted) return;
        others = others.filter((other) => other !== deleted);
        // Those that wait are canceled.
        for (const [runId, taskId] of started) if (taskId === deleted.id) canceled.push(runId);
        await deleteTask({ ...always, body: { id: deleted.id } });
      },
      async () => {
        const schedules = [...world.stub.schedules.values()];
        const fired = any(schedules.filter((one) => firing.some(({ id }) => id === one.externalId)));
        if (fired) world.stub.fire(fired.id);
      },
      async () => {
        const run = any([...world.stub.runs.values()].filter(({ finishedAt }) => !finishedAt));
        const status = any(['EXECUTING', 'COMPLETED', 'FAILED', 'TIMED_OUT'] as const) ?? 'EXECUTING';
        if (run) world.stub.change(run.id, { status, ...(status === 'COMPLETED' && { output: 'Done' }) });
      },
      async () => {
        const runId = await runNow();
        if (random() < 0.3) await cancel(runId);
      },
      async () => cancel(any([...world.stub.runs.values()])?.idempotencyKey),
    ];
    let kills = 0;
    for (let step = 0; step < STEPS; step += 1) {
      for (const process of KILLING_STEPS.has(step) ? processes : [])
        process.killAt = process.moments + 1 + below(MAX_MOMENTS_LEFT);
      await any(actions)?.();
      await any(actions)?.();
      await world.pass(STEP_SECONDS);
      for (const [at, process] of [...processes.entries()].toReversed()) {
        if (process.isAlive) continue;
        kills += 1;
        processes.splice(at, 1);
        await startOne();
      }
    }
    for (const process of processes) if (process.isAlive) process.killAt = Infinity;
    await world.pass(TAKE_OVER_SECONDS);

    expect(kills).toBeGreaterThan(0);
    await world.expectSchedules();
    await world.expectRuns(canceled);
    const { run_queue, cancel_requests, deleted_tasks } = service.collections;
    expect(await run_queue.find({}).toArray()).toEqual([]);
    expect(await cancel_requests.find({}).toArray()).toEqual([]);
    expect(await deleted_tasks.find({ pending: true }).toArray()).toEqual([]);
  });
});
