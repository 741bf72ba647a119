/** The engine on the real embedded database, in virtual time. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openTestDatabase } from '../../support/service.ts';
import { World, atOnce, working } from '../support/world.ts';
import { uuid } from '../../support/builders.ts';

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

const MINUTE = 60_000;

describe('a due task', () => {
  test('runs at its fire time, once, and the run tells all about it', async () => {
    await world.addTask();
    world.startEngine();
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
    const [occurrence] = await world.occurrences();
    expect(occurrence).toMatchObject({ outcome: 'fired', run_id: run?._id });
    const [task] = await world.collections.tasks.find().toArray();
    expect(task?.recent_runs.map(({ id }) => id)).toEqual([run?._id]);
    expect(task?.next_fire_at).toEqual(new Date('2026-11-23T12:02:00.000Z'));
  });
});
