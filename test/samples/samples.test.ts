import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { parse } from 'yaml';
import type { RunAttempt, RunStatus } from '../../generated/types.gen.ts';
import type { Collections } from '../../src/store/collections.ts';
import { type Database, openDatabase } from '../../src/store/open-store.ts';
import { RawRun } from '../../src/store/run-raw.ts';
import { viewRun } from '../../src/view/run-view.ts';
import { loadSamplesIfEmpty } from '../../src/samples/load-samples.ts';
import { referenceExample, samples } from '../../src/samples/samples.ts';
import { isLong } from '../support/long.ts';

const tasks = samples.flatMap((sample) => sample.tasks);
const runs = tasks.flatMap((task) => task.runs);
const owned = samples.filter((sample) => sample !== referenceExample);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** By type every member of the enumeration, so that a new one fails to compile until it is listed. */
const STATUSES: Record<RunStatus, true> = {
  PENDING_VERSION: true,
  DELAYED: true,
  QUEUED: true,
  EXECUTING: true,
  REATTEMPTING: true,
  FROZEN: true,
  COMPLETED: true,
  CANCELED: true,
  FAILED: true,
  CRASHED: true,
  INTERRUPTED: true,
  SYSTEM_FAILURE: true,
};
const ATTEMPT_STATUSES: Record<RunAttempt['status'], true> = {
  PENDING: true,
  EXECUTING: true,
  PAUSED: true,
  COMPLETED: true,
  FAILED: true,
  CANCELED: true,
};

function sorted(values: Iterable<string>): string[] {
  return [...new Set(values)].toSorted();
}

describe('the sample data', () => {
  it('has about a dozen tasks of three accounts and several artists, beside the reference example', () => {
    expect(owned).toHaveLength(3);
    expect(owned.flatMap((sample) => sample.tasks)).toHaveLength(12);
    expect(new Set(tasks.map(({ task }) => task.artist_account_id)).size).toBeGreaterThan(5);
  });

  it('has runs in every status, and attempts in every status', () => {
    expect(sorted(runs.map((run) => run.status))).toEqual(sorted(Object.keys(STATUSES)));
    const attempts = runs.flatMap((run) => run.attempts ?? []);
    expect(sorted(attempts.map((attempt) => attempt.status))).toEqual(sorted(Object.keys(ATTEMPT_STATUSES)));
  });

  it('has tasks that are disabled, that are enabled by null or absence, and that never ran', () => {
    const enabled = tasks.map(({ task }) => task.enabled);
    for (const value of [true, false, null, undefined]) expect(enabled).toContain(value);
    expect(tasks.some((task) => task.runs.length === 0)).toBe(true);
  });

  it('has several tasks with more than five runs', () => {
    expect(tasks.filter((task) => task.runs.length > 5).length).toBeGreaterThan(2);
  });

  it('has every template of content, and outputs of other kinds', () => {
    const outputs = JSON.stringify(runs.map((run) => run.output));
    for (const template of [
      'artist-caption-bedroom',
      'artist-caption-outside',
      'artist-caption-stage',
      'album-record-store',
      'artist-release-editorial',
    ]) {
      expect(outputs).toContain(`"template":"${template}"`);
    }
    expect(runs.some((run) => typeof run.output === 'string')).toBe(true);
    expect(runs.some((run) => Array.isArray(run.output))).toBe(true);
    expect(runs.some((run) => run.output === null)).toBe(true);
  });

  it('is told apart by ids and creation instants, and puts the reference example last', () => {
    const ids = [...tasks.map(({ task }) => task._id), ...samples.map(({ account }) => account._id)];
    for (const id of ids) expect(id).toMatch(UUID);
    for (const { task } of tasks) expect(task.artist_account_id).toMatch(UUID);
    expect(new Set(tasks.map(({ task }) => task._id)).size).toBe(tasks.length);
    expect(new Set(runs.map((run) => run.id)).size).toBe(runs.length);
    const instants = tasks.map(({ task }) => task.created_at.getTime());
    expect(new Set(instants).size).toBe(tasks.length);
    expect(referenceExample.tasks[0]?.task.created_at.getTime()).toBe(Math.min(...instants));
  });

  it('has artists with a name, each of a task, and one without', () => {
    const used = new Set(tasks.map(({ task }) => task.artist_account_id));
    const named = samples.flatMap(({ artists }) => artists);
    for (const { _id, name } of named) expect([used.has(_id), name]).toEqual([true, expect.any(String)]);
    expect(new Set(named.map(({ _id }) => _id)).size).toBe(named.length);
    expect(named.length).toBeGreaterThan(2);
    expect(used.size).toBeGreaterThan(named.length);
  });

  it('has tasks that were changed since they were created', () => {
    const changed = tasks.map(({ task }) => task).filter(({ updated_at }) => updated_at);
    expect(changed.length).toBeGreaterThan(1);
    for (const { created_at, updated_at } of changed)
      expect(Number(updated_at)).toBeGreaterThan(Number(created_at));
  });

  it('is consistent in itself', () => {
    for (const { account, tasks: own } of samples) {
      for (const { task } of own) expect(task.account_id).toBe(account._id);
    }
    for (const { account } of owned) expect(account.email).toMatch(/@[a-z]+\.example$/);
    for (const { task } of owned.flatMap((sample) => sample.tasks)) {
      expect(task.schedule.split(' ')).toHaveLength(5);
      expect(() => Intl.DateTimeFormat('en', { timeZone: task.timezone ?? 'UTC' })).not.toThrow();
    }
    for (const run of runs) {
      expect({ id: run.id, ok: Date.parse(run.createdAt) <= Date.parse(run.updatedAt) }).toEqual({
        id: run.id,
        ok: true,
      });
    }
  });

  it('has the task that openapi.yaml shows as its example', async () => {
    const spec = parse(await readFile(join(import.meta.dirname, '../../openapi.yaml'), 'utf8'));
    const { id, recent_runs, upcoming, owner_email, ...fields } =
      spec.components.examples.OneTask.value.tasks[0];
    const { artist_name, created_at, updated_at, ...storedAsShown } = fields;
    const owner = samples.find(({ account }) => account._id === fields.account_id);
    const sample = owner?.tasks.find(({ task }) => task._id === id);
    expect(owner?.account.email).toBe(owner_email);
    expect(upcoming).toHaveLength(10);
    const { _id, created_at: created, updated_at: updated, ...stored } = { ...sample?.task };
    expect(stored).toEqual(storedAsShown);
    expect([created?.toISOString(), updated?.toISOString()]).toEqual([created_at, updated_at]);
    const artist = owner?.artists.find((account) => account._id === fields.artist_account_id);
    expect(artist?.name).toBe(artist_name);
    expect(sample?.runs[0]).toEqual(recent_runs[0]);
    expect(sample?.runs.map((run) => run.id)).toEqual(
      [6, 5, 4, 3, 2, 1].map((number) => `run_thursday_0${number}`),
    );
  });
});

/** The published example less `upcoming`, which is computed, with the enum fields that it leaves out. */
const AT = '2023-11-07T05:31:56.000Z';
const ERROR = { message: '<string>', name: '<string>', stackTrace: '<string>' };
const ACCOUNT_ID = '3c90c3cc-0d44-4b50-8888-8dd25736052a';
const PUBLISHED_TASK = {
  _id: ACCOUNT_ID,
  title: '<string>',
  prompt: '<string>',
  schedule: '<string>',
  account_id: ACCOUNT_ID,
  artist_account_id: ACCOUNT_ID,
  enabled: true,
  trigger_schedule_id: '<string>',
  model: '<string>',
};
const PUBLISHED_RUN = {
  id: '<string>',
  status: 'COMPLETED',
  taskIdentifier: '<string>',
  createdAt: AT,
  updatedAt: AT,
  idempotencyKey: '<string>',
  version: '<string>',
  isTest: true,
  startedAt: AT,
  finishedAt: AT,
  delayedUntil: AT,
  ttl: '<unknown>',
  expiredAt: AT,
  tags: ['<string>'],
  metadata: {},
  costInCents: 123,
  baseCostInCents: 123,
  durationMs: 123,
  env: { id: '<string>', name: '<string>', user: '<string>' },
  depth: 123,
  batchId: '<string>',
  payload: '<unknown>',
  output: {
    videoSourceUrl: '<string>',
    imageUrl: '<string>',
    captionText: '<string>',
    template: 'artist-caption-bedroom',
    lipsync: true,
    audio: {
      songTitle: '<string>',
      songFilename: '<string>',
      startSeconds: 123,
      durationSeconds: 123,
      clipLyrics: '<string>',
      clipMood: '<string>',
    },
  },
  error: ERROR,
  attempts: [
    {
      id: '<string>',
      status: 'COMPLETED',
      createdAt: AT,
      updatedAt: AT,
      startedAt: AT,
      completedAt: AT,
      error: ERROR,
    },
  ],
  schedule: {},
  relatedRuns: {},
};

class Interrupted extends Error {}

/** The collections, whose process seems to die at the write after the given number of them. */
function interruptedAfter(writes: number, collections: Collections): Collections {
  let left = writes;
  function limit<Target extends object>(collection: Target): Target {
    return new Proxy(collection, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          if (/^(insert|update|replace|bulk|delete|findOneAnd)/.test(String(name))) {
            if (left === 0) throw new Interrupted();
            left -= 1;
          }
          return Reflect.apply(member, target, args);
        };
      },
    });
  }
  return {
    ...collections,
    tasks: limit(collections.tasks),
    runs: limit(collections.runs),
    accounts: limit(collections.accounts),
  };
}

describe('loadSamplesIfEmpty', () => {
  const name = `samples-${randomUUID()}`;
  const uri = process.env.MONGODB_URI;
  let dataDir: string;
  let database: Database;
  let collections: Collections;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'samples-'));
    database = await openDatabase({ uri, name, dataDir }, pino({ level: 'silent' }));
    collections = database.collections;
  });

  beforeEach(async () => {
    for (const collection of [collections.tasks, collections.accounts]) await collection.deleteMany({});
    await collections.runs.deleteMany({});
  });

  afterAll(async () => {
    // The embedded engine's database goes with its folder.
    if (uri) await database.client.db(name).dropDatabase();
    await database.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function everything() {
    const [allTasks, allRuns, allAccounts] = await Promise.all([
      collections.tasks.find({}).sort({ _id: 1 }).toArray(),
      collections.runs.find({}).sort({ _id: 1 }).toArray(),
      collections.accounts.find({}).sort({ _id: 1 }).toArray(),
    ]);
    return { tasks: allTasks, runs: allRuns, accounts: allAccounts };
  }

  /** All that a client can see: versions count the writes, which an interruption may repeat. */
  async function everythingVisible() {
    const { tasks: allTasks, ...others } = await everything();
    return {
      ...others,
      tasks: allTasks.map(
        ({ version: _version, runs_version: _settled, recording: _recording, ...task }) => task,
      ),
    };
  }

  it('fills an empty database with everything, each task pointing to its last five runs', async () => {
    expect(await loadSamplesIfEmpty(collections)).toBe(true);
    const stored = await everything();
    const accounts = samples.flatMap(({ account, artists }) => [account, ...artists]);
    expect(stored.accounts).toHaveLength(accounts.length);
    expect(stored.accounts).toEqual(expect.arrayContaining(accounts));
    expect(stored.runs).toHaveLength(runs.length);
    expect(stored.tasks).toHaveLength(tasks.length);
    for (const { task, runs: history } of tasks) {
      const document = stored.tasks.find(({ _id }) => _id === task._id);
      expect(document).toMatchObject({ ...task });
      const newest = history
        .toSorted((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt))
        .slice(0, 5);
      expect(document?.recent_runs.map((pointer) => pointer.id)).toEqual(newest.map((run) => run.id));
    }
  });

  it('keeps the published example value for value', async () => {
    await loadSamplesIfEmpty(collections);
    const task = await collections.tasks.findOne({ _id: ACCOUNT_ID });
    const {
      created_at: _created,
      recent_runs: pointers,
      runs_version: _settled,
      recording: _recording,
      version: _version,
      ...fields
    } = { ...task };
    expect(fields).toEqual(PUBLISHED_TASK);
    expect(pointers?.map(({ id }) => id)).toEqual(['<string>']);
    expect(await collections.accounts.findOne({ _id: ACCOUNT_ID })).toEqual({
      _id: ACCOUNT_ID,
      email: '<string>',
    });
    const run = await collections.runs.findOne({ _id: '<string>' }, { raw: true });
    // As JSON, which leaves out what is undefined and nothing else.
    expect(viewRun(new RawRun(run)).toJSON()).toEqual(PUBLISHED_RUN);
  });

  it('changes nothing the second time, whatever became of the tasks since', async () => {
    await loadSamplesIfEmpty(collections);
    await collections.tasks.deleteOne({ _id: tasks[0]?.task._id });
    const before = await everything();
    expect(await loadSamplesIfEmpty(collections)).toBe(false);
    expect(await everything()).toEqual(before);
  });

  it('fills a database that holds an account, of whom somebody has made a key before', async () => {
    await collections.accounts.insertOne({ _id: randomUUID(), email: 'a@b.example' });
    expect(await loadSamplesIfEmpty(collections)).toBe(true);
  });

  it.each(['task', 'run'])('leaves a database alone that holds a %s', async (kind) => {
    const [task] = tasks;
    if (kind === 'task' && task) {
      await collections.tasks.insertOne({ ...task.task, _id: randomUUID(), recent_runs: [], version: 1 });
    }
    if (kind === 'run') {
      await collections.runs.insertOne({
        _id: 'run_of_somebody',
        task_id: randomUUID(),
        status: 'QUEUED',
        taskIdentifier: 'x',
        createdAt: new Date(),
        updatedAt: new Date(),
      });
    }
    const before = await everything();
    expect(await loadSamplesIfEmpty(collections)).toBe(false);
    expect(await everything()).toEqual(before);
  });

  it('completes at the next start what was interrupted, at whichever write that was', async () => {
    await loadSamplesIfEmpty(collections);
    const complete = await everythingVisible();
    let writes = 0;
    for (; ; writes += isLong ? 1 : 3) {
      for (const collection of [collections.tasks, collections.accounts]) await collection.deleteMany({});
      await collections.runs.deleteMany({});
      try {
        await loadSamplesIfEmpty(interruptedAfter(writes, collections));
        break;
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error;
      }
      expect({ writes, filled: await loadSamplesIfEmpty(collections) }).toEqual({ writes, filled: true });
      expect(await everythingVisible()).toEqual(complete);
      expect(await loadSamplesIfEmpty(collections)).toBe(false);
    }
    // One write of each kind at least: accounts, tasks, and two a task with runs.
    expect(writes).toBeGreaterThan(20);
  });
});
