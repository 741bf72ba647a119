import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ObjectId } from 'mongodb';
import { updateTask } from '../../src/client/index.ts';
import { UsageError } from '../../src/commands/command-line.ts';
import { readArguments } from '../../src/commands/import.ts';
import { importFrom } from '../../src/commands/import/run-import.ts';
import { Source } from '../../src/commands/import/source.ts';
import { describe as summaryOf } from '../../src/commands/import/summary.ts';
import { seedAccounts, seedArtists, seedTasks } from '../../src/commands/seed-data.ts';
import { addAccounts, addTasks } from '../../src/samples/fill-database.ts';
import { RunStore } from '../../src/store/run-store.ts';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT, run, task, uuid } from '../support/builders.ts';
import { adminKey, contentsOf, gateBefore } from '../support/import-source.ts';
import { killAll, runCommand } from '../support/process.ts';
import { NOW, type Service, listenOn, startService } from '../support/service.ts';

let source: Service;
let target: Service;
let key: string;

beforeAll(async () => {
  [source, target] = await Promise.all([startService(), startService()]);
});
beforeEach(async () => {
  key = await adminKey(source.collections);
});
afterEach(async () => {
  for (const { tasks, runs, accounts, api_keys } of [source.collections, target.collections]) {
    for (const collection of [tasks, runs, accounts, api_keys]) await collection.deleteMany({});
  }
});
afterAll(async () => {
  killAll();
  await Promise.all([source.close(), target.close()]);
});

const importAll = (
  options: { enabled?: boolean; dryRun?: boolean } = {},
  { accounts = [], url = source.url }: { accounts?: string[]; url?: string } = {},
) =>
  importFrom(new Source(url, key), target.collections, accounts, {
    enabled: false,
    dryRun: false,
    now: NOW,
    ...options,
  });

/** The documents of the target as they are. */
async function stored() {
  const { tasks, runs, accounts } = target.collections;
  return {
    tasks: await tasks.find().sort({ _id: 1 }).toArray(),
    runs: await runs.find().sort({ _id: 1 }).toArray(),
    accounts: await accounts.find().sort({ _id: 1 }).toArray(),
  };
}

const EARLY = new Date('2026-02-01T00:00:00Z');
const MIDDLE = new Date('2026-07-01T00:00:00Z');
const LATE = new Date('2026-11-20T00:00:00Z');

/** Tasks and runs of which each has other fields null or absent. */
async function addVariants(): Promise<void> {
  const { tasks, accounts } = source.collections;
  await tasks.insertMany([
    task(1, { timezone: 'Europe/Berlin', model: null, trigger_schedule_id: null, updated_at: LATE }),
    task(2, { timezone: null, model: 'm-2', trigger_schedule_id: 'sched_2', enabled: null }),
    task(3, { account_id: OTHER_ACCOUNT, enabled: false }),
    task(4, { schedule: 'at nine' }),
    task(5, { timezone: 'Europe/Nowhere', title: '„Ü“ \u0001 🎧' }),
  ]);
  await accounts.insertMany([
    { _id: ACCOUNT, email: 'owner@label.example' },
    { _id: ARTIST, name: 'Juno' },
    { _id: OTHER_ACCOUNT, email: null },
  ]);
  const runs = new RunStore(source.collections);
  await runs.recordRuns(uuid(1), [
    run(1),
    run(2, { status: 'EXECUTING', startedAt: null, ttl: null, metadata: null, payload: null, output: null }),
    run(3, {
      status: 'FAILED',
      error: { message: 'No', name: 'E' },
      attempts: [{ id: 'attempt_1', status: 'FAILED', createdAt: NOW, updatedAt: NOW, startedAt: null }],
      payload: { big: 1e300, list: [null, 0, -1.5, 'x'] },
      schedule: {},
      tags: [],
    }),
  ]);
  await runs.recordRuns(
    uuid(3),
    Array.from({ length: 7 }, (_, at) => run(10 + at, { output: { at } })),
  );
}

async function seed(tasks: number, runs: number): Promise<void> {
  const { collections } = source;
  await addAccounts(collections, [...seedAccounts(3), ...seedArtists(3)]);
  await addTasks(collections, seedTasks({ accounts: 3, tasks, runs }));
}

describe('an import from another installation', () => {
  it('copies tasks and runs field by field, page by page', async () => {
    await addVariants();
    await seed(105, 6);
    const figures = await importAll({ enabled: true });
    expect(figures.tasks).toEqual({ added: 110, changed: 0, same: 0, kept: 0 });
    expect(figures.runs).toEqual({ recorded: 3 + 7 + 630, same: 0 });
    expect(await contentsOf(target.client)).toEqual(await contentsOf(source.client));
  });

  it('disables the tasks that it adds, and changes nothing when it is repeated', async () => {
    await addVariants();
    const figures = await importAll();
    expect(figures.waiting).toBe(4);
    const first = await stored();
    expect(first.tasks.map(({ enabled }) => enabled)).toEqual([false, false, false, false, false]);
    expect(first.tasks[0]?.recent_runs.map(({ id }) => id)).toEqual([3, 2, 1].map((at) => run(at).id));

    const again = await importAll();
    expect(again.tasks).toEqual({ added: 0, changed: 0, same: 5, kept: 0 });
    expect(again.runs).toEqual({ recorded: 0, same: 10 });
    expect(again.waiting).toBe(4);
    expect(await stored()).toEqual(first);
  });

  it('leaves engine_problem to the engine of each side', async () => {
    await source.collections.tasks.insertOne(task(1, { engine_problem: 'There.' }));
    await importAll();
    const first = await stored();
    const byEngine = { engine_problem: 'Here.', plan_from: NOW, next_fire_at: LATE };
    await target.collections.tasks.updateOne({ _id: uuid(1) }, { $set: byEngine });
    expect((await importAll()).tasks).toEqual({ added: 0, changed: 0, same: 1, kept: 0 });
    expect((await stored()).tasks).toEqual([{ ...first.tasks[0], ...byEngine }]);
    expect(first.tasks[0]).not.toHaveProperty('engine_problem');
  });

  it('names schedules and time zones that are not valid here, and leaves them as they are', async () => {
    await addVariants();
    const figures = await importAll({ enabled: true });
    expect([...figures.neverFiring].map(([reason, { ids }]) => [reason, ids])).toEqual([
      ['its time zone "Europe/Nowhere" is unknown', [uuid(5)]],
      [
        'its schedule has 2 fields; it must have 5: minute, hour, day of month, month, day of week',
        [uuid(4)],
      ],
    ]);
    const { tasks } = await contentsOf(target.client);
    expect(tasks.map(({ schedule, upcoming }) => [schedule, upcoming.length])).toEqual([
      ['0 9 * * 4', 0],
      ['at nine', 0],
      ['0 9 * * 4', 0],
      ['0 9 * * 4', 10],
      ['0 9 * * 4', 10],
    ]);
  });

  it('takes over what is newer at the source, keeps what is newer here, and disables nothing again', async () => {
    await addVariants();
    await importAll();
    const { client } = target;
    // Enabled here, then changed at the source; changed here, then at the source before that.
    await updateTask({ client, throwOnError: true, body: { id: uuid(1), enabled: true } });
    await updateTask({ client, throwOnError: true, body: { id: uuid(2), title: 'Here' } });
    const { tasks } = source.collections;
    const later = new Date(NOW.getTime() + 1);
    await tasks.updateOne(
      { _id: uuid(1) },
      { $set: { title: 'There', updated_at: later }, $unset: { timezone: '' }, $inc: { version: 1 } },
    );
    await tasks.updateOne(
      { _id: uuid(2) },
      { $set: { title: 'Too late', updated_at: EARLY }, $inc: { version: 1 } },
    );
    const before = await stored();
    const figures = await importAll();
    expect(figures.tasks).toEqual({ added: 0, changed: 1, same: 3, kept: 1 });
    expect(figures.disabledHere.ids).toEqual([uuid(2)]);
    const after = await stored();
    expect(after.tasks[0]).toMatchObject({ title: 'There', enabled: true, updated_at: later });
    expect(after.tasks[0]).not.toHaveProperty('timezone');
    expect(after.tasks[0]?.version).toBeGreaterThan(before.tasks[0]?.version ?? Infinity);
    expect(after.tasks[1]).toEqual(before.tasks[1]);
  });

  it('enables, when asked, what arrived disabled and nobody changed here', async () => {
    await addVariants();
    await importAll();
    const { client } = target;
    await updateTask({ client, throwOnError: true, body: { id: uuid(1), title: 'Here' } });
    const figures = await importAll({ enabled: true });
    expect(figures.tasks).toEqual({ added: 0, changed: 3, same: 1, kept: 1 });
    expect(figures.disabledHere.ids).toEqual([uuid(1)]);
    expect(figures.waiting).toBe(0);
    const { tasks } = await stored();
    expect(tasks.map(({ enabled }) => enabled)).toEqual([false, null, false, true, true]);
  });

  it('keeps a change that is made here while the task is being imported', async () => {
    await addVariants();
    await importAll();
    await source.collections.tasks.updateOne(
      { _id: uuid(1) },
      { $set: { title: 'There', updated_at: NOW }, $inc: { version: 1 } },
    );
    const { tasks } = target.collections;
    const change = { title: 'Here', updated_at: new Date(NOW.getTime() + 1) };
    const racing = new Proxy(tasks, {
      get: (collection, member) =>
        member === 'findOneAndUpdate'
          ? async (...args: Parameters<typeof tasks.findOneAndUpdate>) => {
              await collection.updateOne({ _id: uuid(1) }, { $set: change });
              return collection.findOneAndUpdate(...args);
            }
          : Reflect.get(collection, member),
    });
    const options = { enabled: false, dryRun: false, now: NOW };
    const collections = { ...target.collections, tasks: racing };
    const figures = await importFrom(new Source(source.url, key), collections, [], options);
    expect(figures.tasks.kept).toBe(1);
    expect(await tasks.findOne({ _id: uuid(1) })).toMatchObject(change);
  });

  it('records newer states of runs, and keeps newer and final ones that are here', async () => {
    await addVariants();
    await importAll();
    const here = new RunStore(target.collections);
    const there = new RunStore(source.collections);
    await here.recordRuns(uuid(1), [run(2, { status: 'CANCELED', updatedAt: MIDDLE })]);
    await here.recordRuns(uuid(3), [run(10, { updatedAt: LATE, output: 'here' })]);
    await there.recordRuns(uuid(1), [run(2, { status: 'COMPLETED', updatedAt: LATE })]);
    await there.recordRuns(uuid(3), [
      run(11, { updatedAt: LATE, output: 'there' }),
      run(12, { updatedAt: LATE }),
    ]);
    await importAll();
    const { runs } = await stored();
    const found = new Map(runs.map((one) => [one._id, one]));
    expect(found.get(run(2).id)?.status).toBe('CANCELED');
    expect(found.get(run(10).id)?.output).toBe('here');
    expect(found.get(run(11).id)?.output).toBe('there');
    expect(found.get(run(12).id)).not.toHaveProperty('output');
  });

  it('gives accounts the address and the name that they lack', async () => {
    await addVariants();
    await target.collections.accounts.insertMany([
      { _id: ACCOUNT, email: '', name: 'Owner' },
      { _id: ARTIST, email: 'artist@label.example', name: 'Here' },
    ]);
    await importAll();
    expect((await stored()).accounts).toEqual([
      { _id: ACCOUNT, email: 'owner@label.example', name: 'Owner' },
      { _id: ARTIST, email: 'artist@label.example', name: 'Here' },
    ]);
    await target.collections.accounts.deleteMany({});
    await importAll();
    expect((await stored()).accounts).toEqual([
      { _id: ACCOUNT, email: 'owner@label.example' },
      { _id: ARTIST, name: 'Juno' },
    ]);
  });

  it('copies the tasks of the named accounts alone', async () => {
    await addVariants();
    await importAll({}, { accounts: [OTHER_ACCOUNT, OTHER_ACCOUNT] });
    const { tasks, runs } = await stored();
    expect(tasks.map(({ _id }) => _id)).toEqual([uuid(3)]);
    expect(runs).toHaveLength(7);
  });

  it('names what it leaves, and why', async () => {
    await addVariants();
    await target.collections.tasks.insertMany([task(3), task(9)]);
    await new RunStore(target.collections).recordRuns(uuid(9), [run(2, { payload: 'here' })]);
    await source.collections.tasks.insertOne(task(6, { account_id: ACCOUNT }));
    await new RunStore(source.collections).recordRuns(uuid(6), [run(60)]);
    await source.collections.tasks.deleteOne({ _id: uuid(6) });
    const figures = await importAll();
    const left = Object.entries(figures.skipped).flatMap(([kind, reasons]) =>
      [...reasons].map(([reason, { ids }]) => [kind, reason, ids]),
    );
    expect(left).toEqual([
      ['task', 'a task of another account has the same id here', [uuid(3)]],
      ['run', 'a run of another task has the same id here', [run(2).id]],
      ['run', 'its task was not imported', [run(60).id]],
    ]);
    const { tasks, runs } = await stored();
    expect(tasks.find(({ _id }) => _id === uuid(3))?.account_id).toBe(ACCOUNT);
    expect(runs.map(({ _id, payload }) => [_id, payload])).toEqual([
      [run(1).id, undefined],
      [run(2).id, 'here'],
      [run(3).id, { big: 1e300, list: [null, 0, -1.5, 'x'] }],
    ]);
    expect(summaryOf(figures, { dryRun: false, took: '1.0 s' })).toEqual([
      'Imported in 1.0 s:',
      '  tasks: 4 added, 0 changed, 0 unchanged, 0 kept because they are newer here',
      '  runs: 2 recorded, 0 already here',
      'Not imported:',
      `  1 task: a task of another account has the same id here: ${uuid(3)}`,
      `  1 run: a run of another task has the same id here: ${run(2).id}`,
      `  1 run: its task was not imported: ${run(60).id}`,
      'Imported, but these tasks never fire here:',
      `  its time zone "Europe/Nowhere" is unknown: ${uuid(5)}`,
      `  its schedule has 2 fields; it must have 5: minute, hour, day of month, month, day of week: ${uuid(4)}`,
      '4 tasks enabled at the source are disabled here. To switch over:',
      '  1. Stop the engine at the source, but leave the tasks enabled there.',
      '  2. Repeat the command with --enabled. It copies later changes and enables these tasks here.',
    ]);
  });

  it('points a task to runs that a killed import had written', async () => {
    await addVariants();
    await importAll();
    const expected = (await stored()).tasks[0]?.recent_runs;
    // Killed between the runs and the pointers to them: the task's mark is left.
    await target.collections.tasks.updateOne(
      { _id: uuid(1) },
      { $set: { recent_runs: [], recording: [new ObjectId()] }, $inc: { version: 1 } },
    );
    await importAll();
    expect((await stored()).tasks[0]?.recent_runs).toEqual(expected);
  });

  it('writes nothing with --dry-run, and tells what it would do', async () => {
    await addVariants();
    const figures = await importAll({ dryRun: true });
    expect(figures.tasks.added).toBe(5);
    expect(figures.runs).toEqual({ recorded: 10, same: 0 });
    expect(await stored()).toEqual({ tasks: [], runs: [], accounts: [] });
    await importAll();
    const before = await stored();
    await source.collections.tasks.updateOne(
      { _id: uuid(1) },
      { $set: { title: 'There', updated_at: NOW }, $inc: { version: 1 } },
    );
    expect((await importAll({ dryRun: true, enabled: true })).tasks.changed).toBe(4);
    expect(await stored()).toEqual(before);
  });
});

describe('npm run import', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'import-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const command = (args: string[], environment: Record<string, string> = { RECOUP_API_KEY: key }) =>
    runCommand(
      'import',
      {
        MONGODB_URI: process.env.MONGODB_URI ?? '',
        MONGODB_DATABASE: target.db.databaseName,
        DATA_DIR: target.dataDir,
        RECOUP_TASKS_API_KEY: 'of-another-service',
        ...environment,
      },
      args,
    );

  it('continues where it was killed, twice, and ends with the same', async () => {
    await addVariants();
    await seed(105, 6);
    const gate = await gateBefore(source.url);
    // In the middle of the tasks, and of the runs that tasks do not show.
    for (const requests of [1, 12]) {
      const stuck = gate.letPass(requests);
      const child = command(['--from', gate.url, '--enabled']);
      await stuck;
      child.kill('SIGKILL');
      expect(await child.ended).toMatchObject({ signal: 'SIGKILL' });
    }
    const { tasks } = await stored();
    expect(tasks).toHaveLength(110);
    gate.open();
    const { code, stdout, stderr } = await command(['--from', `${gate.url}/`, '--enabled']).ended;
    await gate.close();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Importing from ${gate.url} ...`);
    expect(stdout).toContain('tasks: 0 added, 0 changed, 110 unchanged');
    expect(await contentsOf(target.client)).toEqual(await contentsOf(source.client));
  });

  it('takes the key from a file, and shows a summary', async () => {
    await addVariants();
    const file = join(folder, 'key');
    await writeFile(file, `${key}\n`);
    const { code, stdout } = await command(['--from', source.url, '--key-file', file, '--dry-run'], {}).ended;
    expect(code).toBe(0);
    expect(stdout).toContain('Dry run, nothing was written. An import would do this (read in ');
    expect(stdout).toContain('  tasks: 5 added');
  });

  it('tells that the source refuses the key', async () => {
    const strict = await listenOn(source.collections, () => NOW, 'required');
    const { code, stderr } = await command(['--from', strict.url], { RECOUP_API_KEY: 'wrong' }).ended;
    await strict.close();
    expect(code).toBe(1);
    expect(stderr).toBe(
      'import: The source rejects the key (HTTP 401); pass a valid one in RECOUP_API_KEY or --key-file. Tasks and runs that are already imported stay; repeat the command to continue.\n',
    );
  });

  it.each([
    ['no key', { RECOUP_API_KEY: '' }, 'There is no key in RECOUP_API_KEY.'],
    ['a key of two lines', { RECOUP_API_KEY: 'a\nb' }, 'must be one line'],
  ])('refuses %s', async (_what, environment, problem) => {
    const { code, stderr } = await command(['--from', source.url], environment).ended;
    expect(code).toBe(1);
    expect(stderr).toContain(problem);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('readArguments', () => {
  it('reads each argument', () => {
    const from = ['--from', 'https://api.example.com/base/'];
    expect(readArguments(from)).toEqual({
      from: 'https://api.example.com/base',
      accounts: [],
      enabled: false,
      dryRun: false,
    });
    expect(
      readArguments([
        ...from,
        '--account',
        uuid(1),
        '--account',
        ACCOUNT,
        '--enabled',
        '--dry-run',
        '--key-file=k',
      ]),
    ).toEqual({
      from: 'https://api.example.com/base',
      keyFile: 'k',
      accounts: [uuid(1), ACCOUNT],
      enabled: true,
      dryRun: true,
    });
    expect(readArguments(['--help'])).toBe('help');
  });

  it.each([
    [[]],
    [['--from', 'api.example.com']],
    [['--from', 'ftp://api.example.com']],
    [['--from', 'https://user:secret@api.example.com']],
    [['--from', 'https://api.example.com/?key=1']],
    [['--from', 'https://api.example.com/api/tasks']],
    [['--from', 'https://api.example.com', '--account', 'me']],
    [['--from', 'https://api.example.com', '--key', 'secret']],
  ])('refuses %j', (args) => {
    expect(() => readArguments(args)).toThrow(UsageError);
    expect(() => readArguments(args)).toThrow(/^[^\n]+ See recoup-tasks import --help\.$/);
    expect(() => readArguments(args)).not.toThrow(/secret/);
  });
});
