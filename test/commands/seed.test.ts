import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import { seedAccounts, seedArtists, seedTasks, type SeedPlan } from '../../src/commands/seed-data.ts';
import { UsageError } from '../../src/commands/command-line.ts';
import { readArguments } from '../../src/commands/seed.ts';
import { type Database, openDatabase } from '../../src/store/open-store.ts';
import { addAccounts, addTasks } from '../../src/samples/fill-database.ts';
import { countOf } from '../support/count.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function documentsOf(plan: SeedPlan) {
  const tasks = [...seedTasks(plan)].map(({ task, runs }) => ({ task, runs: [...runs] }));
  return { accounts: [...seedAccounts(plan.accounts)], tasks };
}

describe('the seed documents', () => {
  const plan = { accounts: 4, tasks: 300, runs: 8 };
  const { accounts, tasks } = documentsOf(plan);
  const runs = tasks.flatMap((task) => task.runs);

  it('are the same for the same plan', () => {
    expect(documentsOf(plan)).toEqual({ accounts, tasks });
    // On another day and machine too.
    expect(tasks[0]?.task).toMatchObject({
      _id: '10ddb8bf-606e-45eb-81d3-08b5bacd28f1',
      created_at: new Date('2024-01-01T00:00:00Z'),
    });
    expect(tasks[0]?.runs[0]).toMatchObject({
      id: 'run_17fced53eaa5d2bb8589a650',
      createdAt: '2026-11-20T12:00:00.000Z',
    });
  });

  it('begin with those of a smaller plan', () => {
    const smaller = documentsOf({ ...plan, tasks: 30, runs: 3 });
    expect(smaller.tasks).toEqual(
      tasks.slice(0, 30).map(({ task, runs: own }) => ({ task, runs: own.slice(0, 3) })),
    );
    expect([...seedAccounts(2)]).toEqual(accounts.slice(0, 2));
  });

  it('are of the asked number and differ in their ids', () => {
    expect([accounts.length, tasks.length, runs.length]).toEqual([4, 300, 2_400]);
    for (const { task } of tasks) expect(task._id).toMatch(UUID);
    expect(new Set(tasks.map(({ task }) => task._id)).size).toBe(300);
    expect(new Set(tasks.map(({ task }) => task.created_at.getTime())).size).toBe(300);
    expect(new Set(runs.map((run) => run.id)).size).toBe(2_400);
    expect(new Set(tasks.map(({ task }) => task.account_id))).toEqual(
      new Set(accounts.map(({ _id }) => _id)),
    );
  });

  it('have artists with names, and every task is for one of its owner', () => {
    const artists = [...seedArtists(4)];
    expect(artists).toHaveLength(12);
    expect(new Set(artists.map(({ name }) => name)).size).toBe(12);
    expect([...seedArtists(2)]).toEqual(artists.slice(0, 6));
    const ids = artists.map(({ _id }) => _id);
    for (const { task } of tasks) expect(ids).toContain(task.artist_account_id);
    // As before there were names.
    expect(tasks[0]?.task.artist_account_id).toBe('77d08083-9877-4e1e-bba8-36fb17b3d40d');
  });

  it('have runs in every status, of about 2.3 KB', () => {
    expect(new Set(runs.map((run) => run.status)).size).toBe(12);
    const bytes = Buffer.byteLength(JSON.stringify(runs)) / runs.length;
    expect(bytes).toBeGreaterThan(2_100);
    expect(bytes).toBeLessThan(2_500);
  });

  it('vary in schedule, time zone and enabled', () => {
    const fields = tasks.map(({ task }) => task);
    expect(new Set(fields.map((task) => task.schedule)).size).toBeGreaterThan(4);
    expect(new Set(fields.map((task) => task.timezone)).size).toBeGreaterThan(3);
    expect(new Set(fields.map((task) => task.enabled))).toEqual(new Set([true, false, null]));
  });
});

describe('readArguments', () => {
  it('has defaults', () => {
    expect(readArguments([])).toEqual({ accounts: 10, tasks: 1_000, runs: 5 });
  });

  it('reads each argument', () => {
    expect(readArguments(['--accounts', '3', '--tasks=40', '--runs', '0'])).toEqual({
      accounts: 3,
      tasks: 40,
      runs: 0,
    });
    expect(readArguments(['--help'])).toBe('help');
  });

  it.each([
    ['--accounts', '0'],
    ['--accounts', '10001'],
    ['--tasks', '0'],
    ['--tasks', '1000001'],
    ['--runs', '1000001'],
    ['--runs=-1'],
    ['--tasks', '1.5'],
    ['--tasks', '1e3'],
    ['--tasks', '0x10'],
    ['--tasks', ' 5'],
    ['--tasks='],
    ['--tasks'],
    ['--task', '5'],
    ['5'],
  ])('refuses %s %s', (...args) => {
    expect(() => readArguments(args)).toThrow(UsageError);
    // One line that names the way to the help.
    expect(() => readArguments(args)).toThrow(/^[^\n]+ See recoup-tasks seed --help\.$/);
  });

  it('says what would be right', () => {
    expect(() => readArguments(['--tasks', 'many'])).toThrow(
      '--tasks must be a whole number from 1 to 1,000,000, digits only, but is "many".',
    );
  });
});

describe('seeding', () => {
  const name = `seed-${randomUUID()}`;
  const uri = process.env.MONGODB_URI;
  let dataDir: string;
  let database: Database;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'seed-'));
    database = await openDatabase({ uri, name, dataDir }, pino({ level: 'silent' }));
  });

  afterAll(async () => {
    // The embedded engine's database goes with its folder.
    if (uri) await database.client.db(name).dropDatabase();
    await database.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function seed(plan: SeedPlan): Promise<number> {
    let documents = 0;
    await addAccounts(database.collections, seedAccounts(plan.accounts));
    await addTasks(database.collections, seedTasks(plan), (written) => {
      documents += written;
    });
    return documents;
  }

  async function stored() {
    const { tasks, runs, accounts } = database.collections;
    return {
      counts: await Promise.all([countOf(accounts), countOf(tasks), countOf(runs)]),
      runs: await runs.find({}).sort({ _id: 1 }).toArray(),
      pointers: await tasks
        .find({}, { projection: { recent_runs: 1 } })
        .sort({ _id: 1 })
        .toArray(),
    };
  }

  it('leaves the same documents when it is repeated, and at most five pointers a task', async () => {
    const plan = { accounts: 3, tasks: 25, runs: 7 };
    expect(await seed(plan)).toBe(25 + 175);
    const first = await stored();
    expect(first.counts).toEqual([3, 25, 175]);
    expect(first.pointers.map((task) => task.recent_runs.length)).toEqual(
      Array.from({ length: 25 }, () => 5),
    );
    expect(await seed(plan)).toBe(25 + 175);
    expect(await stored()).toEqual(first);
  });

  it('adds what a longer plan has more, also in several batches', async () => {
    await seed({ accounts: 3, tasks: 1, runs: 250 });
    expect((await stored()).counts).toEqual([3, 25, 175 + 243]);
    const [first] = seedTasks({ accounts: 3, tasks: 1, runs: 5 });
    const task = await database.collections.tasks.findOne({ _id: first?.task._id });
    expect(task?.recent_runs.map(({ id }) => id)).toEqual([...(first?.runs ?? [])].map((run) => run.id));
  });

  it('reports a failure only when nothing is being written any more, and starts nothing new', async () => {
    let begun = 0;
    let ended = 0;
    async function bulkWrite() {
      begun += 1;
      const isFirst = begun === 1;
      await setTimeout(isFirst ? 10 : 100);
      ended += 1;
      if (isFirst) throw new Error('disk full');
    }
    const runs = new Proxy(database.collections.runs, {
      get: (target, member) => (member === 'bulkWrite' ? bulkWrite : Reflect.get(target, member)),
    });
    const plan = { accounts: 1, tasks: 60, runs: 1 };
    await expect(addTasks({ ...database.collections, runs }, seedTasks(plan))).rejects.toThrow('disk full');
    expect(ended).toBe(begun);
    expect(begun).toBeLessThan(40);
  });
});
