/** The engine over hours and days of virtual time, on collections in memory. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { memoryLog } from '../../support/service.ts';
import { uuid } from '../../support/builders.ts';
import { memoryCollections } from '../support/memory-collections.ts';
import { World, working } from '../support/world.ts';

let world: World;
beforeEach(() => {
  world = new World(memoryCollections());
});
afterEach(() => world.close());

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('a task', () => {
  test('is planned from now if another tool changed its schedule', async () => {
    await world.addTask(1, { schedule: '0 3 * * *' });
    world.startEngine();
    await world.pass(MINUTE);
    await world.collections.tasks.updateOne({ _id: uuid(1) }, { $set: { schedule: '*/5 * * * *' } });
    await world.pass(15 * MINUTE);
    expect(await world.outcomes()).toEqual(['12:15 fired']);
  });

  test('with an invalid schedule or time zone is left out, and logged once', async () => {
    const { lines, log } = memoryLog();
    await world.addTask(1, { schedule: 'whenever' });
    await world.addTask(2, { timezone: 'Mars/Olympus' });
    world.startEngine({ log });
    await world.pass(30 * MINUTE);
    expect(world.calls).toEqual([]);
    expect(lines.filter(({ msg }) => String(msg).startsWith('the task never fires'))).toHaveLength(2);
  });
});

describe('a night on which the clocks change', () => {
  test.each([
    [
      'skips 2:30 in New York: fires once, an hour later',
      '2026-03-08T06:59:30Z',
      '30 2 * * *',
      ['07:30 fired'],
    ],
    ['repeats 1:30 in New York: fires once', '2026-11-01T04:59:30Z', '30 1 * * *', ['05:30 fired']],
    [
      'repeats an hour: fires every hour',
      '2026-11-01T04:59:30Z',
      '0 * * * *',
      ['05:00 fired', '06:00 fired', '07:00 fired'],
    ],
  ])('%s', async (_name, start, schedule, expected) => {
    world = new World(memoryCollections(), new Date(start));
    await world.addTask(1, { schedule, timezone: 'America/New_York' });
    world.startEngine();
    await world.pass(2.5 * HOUR);
    expect(await world.outcomes()).toEqual(expected);
    expect(await world.statuses()).toEqual(expected.map(() => 'COMPLETED'));
  });
});

describe('fire times that were missed', () => {
  const away = async (catch_up: 'skip' | 'once' | 'all' | undefined, minutes: number) => {
    await world.addTask(1, { schedule: '*/10 * * * *', ...(catch_up && { catch_up }) });
    const before = world.startEngine();
    await world.pass(5 * SECOND);
    before.kill();
    await world.pass(minutes * MINUTE);
    world.startEngine({ script: working(SECOND) });
    await world.pass(5 * MINUTE);
  };
  test.each([
    ['skip', ['12:10 missed engine_away 6'], 0],
    [undefined, ['12:10 missed engine_away 5', '13:00 fired'], 1],
    ['once', ['12:10 missed engine_away 5', '13:00 fired'], 1],
    ['all', ['12:10 fired', '12:20 fired', '12:30 fired', '12:40 fired', '12:50 fired', '13:00 fired'], 6],
  ] as const)('%s', async (catchUp, expected, calls) => {
    await away(catchUp, 64);
    expect(await world.outcomes()).toEqual(expected);
    expect(world.calls).toHaveLength(calls);
  });

  test('run one after the other in order, the newest hundred of them', async () => {
    await away('all', 120 * 10);
    expect(world.calls).toHaveLength(100);
    const instants = world.calls.map(({ job }) => job.scheduled_at);
    expect(instants).toEqual(instants.toSorted());
    const begun = world.calls.map(({ atMs }) => atMs);
    expect(begun.every((atMs, at) => at === 0 || atMs >= (begun[at - 1] ?? 0) + SECOND)).toBe(true);
    const [first] = await world.occurrences();
    expect(first).toMatchObject({ outcome: 'missed', count: 19, last_scheduled_at: expect.any(Date) });
  });

  test('are on time if they are at most a minute late', async () => {
    await world.addTask(1, { catch_up: 'skip' });
    await world.startEngine().engine.stop();
    await world.pass(29 * SECOND + MINUTE);
    world.startEngine();
    await world.pass(0.5 * SECOND);
    expect(await world.outcomes()).toEqual(['12:01 fired']);
  });

  test('before the first start of an engine are ignored', async () => {
    await world.addTask();
    await world.pass(HOUR);
    world.startEngine();
    await world.pass(MINUTE);
    expect(await world.outcomes()).toEqual(['13:01 fired']);
  });
});

describe('an engine of another kind', () => {
  test('waits until the first has been dead for a minute, and logs that it is idle', async () => {
    await world.addTask();
    const first = world.startEngine();
    await world.pass(5 * SECOND);
    const { lines, log } = memoryLog();
    const second = world.startEngine({ name: 'two', kind: 'url', log });
    await world.pass(2 * MINUTE);
    expect(second.engine.state().live).toBe(false);
    expect(new Set(world.calls.map(({ by }) => by))).toEqual(new Set(['one']));
    expect(lines.filter(({ msg }) => String(msg).startsWith('an engine of another kind'))).toHaveLength(1);
    first.kill();
    world.calls.length = 0;
    await world.pass(3 * MINUTE);
    expect(second.engine.state().live).toBe(true);
    expect(new Set(world.calls.map(({ by }) => by))).toEqual(new Set(['two']));
  });
});

describe('a database that no process can reach', () => {
  test('for longer than a lease loses no run that ends meanwhile', async () => {
    await world.addTask(1, { schedule: '1 12 * * *' });
    const one = world.startEngine({ script: working(10 * SECOND) });
    await world.pass(32 * SECOND);
    const two = world.startEngine({ name: 'two' });
    await world.pass(6 * SECOND);
    for (const process of [one, two]) process.isCutOff = true;
    await world.pass(2 * MINUTE);
    two.isCutOff = false;
    await world.pass(5 * SECOND);
    one.isCutOff = false;
    await world.pass(5 * SECOND);
    expect(await world.statuses()).toEqual(['COMPLETED']);
  });
});

describe('a wall clock that is set', () => {
  test('back repeats nothing', async () => {
    await world.addTask();
    const { clock } = world.startEngine();
    await world.pass(3 * MINUTE);
    clock.jump(-2 * MINUTE);
    await world.pass(3 * MINUTE);
    expect(await world.outcomes()).toEqual(['12:01 fired', '12:02 fired', '12:03 fired', '12:04 fired']);
    expect(world.calls).toHaveLength(4);
  });

  test('years ahead and back does not keep tasks from running', async () => {
    await world.addTask();
    const { clock } = world.startEngine();
    await world.pass(MINUTE);
    clock.jump(366 * DAY);
    await world.pass(MINUTE);
    clock.jump(-366 * DAY);
    world.calls.length = 0;
    await world.pass(3 * MINUTE);
    expect(world.calls.length).toBeGreaterThanOrEqual(2);
  });

  test('years ahead and back does not hide the fire times that have to run late', async () => {
    await world.addTask(1, { catch_up: 'all', overlap: 'allow' });
    const one = world.startEngine();
    await world.pass(MINUTE);
    one.clock.jump(366 * DAY);
    await world.pass(MINUTE);
    one.clock.jump(-366 * DAY - 2.5 * MINUTE);
    await world.pass(5 * SECOND);
    one.kill();
    await world.pass(5 * MINUTE);
    world.calls.length = 0;
    world.startEngine({ name: 'two', script: working(SECOND) });
    await world.pass(20 * SECOND);
    expect(world.calls.length).toBeGreaterThanOrEqual(4);
  });
});
