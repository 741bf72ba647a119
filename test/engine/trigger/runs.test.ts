/** The synchronizer of runs on the embedded database, in virtual time, against the stub of Trigger.dev. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { RetrieveRunResponse } from '@trigger.dev/core/v3/schemas';
import { Long } from 'bson';
import fc from 'fast-check';
import { TriggerFailure } from '../../../src/engine/trigger/api.ts';
import { MAX_OUTPUT_BYTES } from '../../../src/engine/executors/output.ts';
import { RunStore } from '../../../src/store/run-store.ts';
import { task, uuid } from '../../support/builders.ts';
import { isLong } from '../../support/long.ts';
import { queuedRun } from '../../support/queue.ts';
import { type Service, openTestDatabase, startService } from '../../support/service.ts';
import { retrieved, wire } from '../../support/trigger-runs.ts';
import { API_VERSION, type NewRun, type StubRun, describeRun } from './support/stub-runs.ts';
import { EMPTY_KEY, type StubSchedule } from './support/stub.ts';
import { START, SyncWorld } from './support/sync-world.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const DAY = 86_400_000;

let database: Awaited<ReturnType<typeof openTestDatabase>>;
/** What recordRuns of the API stores. */
let reference: Service;
let world: SyncWorld;
let schedule: StubSchedule;
beforeAll(async () => {
  database = await openTestDatabase();
  reference = await startService();
});
afterAll(async () => {
  await reference.close();
  await database.close();
});
beforeEach(async () => {
  world = await SyncWorld.open(database.collections);
  schedule = world.stub.addSchedule({ externalId: uuid(1) });
});
afterEach(() => world.close());

const fire = (fields: NewRun = {}) => world.stub.fire(schedule.id, fields);
const ago = (ms: number) => new Date(world.now.getTime() - ms);
const stored = () => world.collections.runs.find({}).sort({ _id: 1 }).toArray();
const noteOf = (problem: string) => ({ text: '', truncated: true, note: expect.stringContaining(problem) });
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

/** Changes a run a second later, so that its state is newer. */
async function change(run: StubRun, fields: NewRun): Promise<void> {
  await world.time.pass(SECOND);
  world.stub.change(run.id, fields);
}

/** Stores reports by recordRuns of the API, and returns what is stored. */
async function recorded(reports: Map<string, unknown[]>) {
  const { tasks, runs } = reference.collections;
  await Promise.all([tasks.deleteMany({}), runs.deleteMany({})]);
  await tasks.insertMany(await world.collections.tasks.find({}).toArray());
  for (const [task_id, all] of reports) {
    for (let at = 0; at < all.length; at += 100) {
      const response = await reference.request('/api/tasks/runs', {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ task_id, runs: all.slice(at, at + 100) }),
      });
      if (!response.ok) throw new Error(await response.text());
    }
  }
  return runs.find({}).sort({ _id: 1 }).toArray();
}

/** Checks that each run of the stub is stored as the API would store it, and nothing else is. */
async function expectAsAtTrigger(): Promise<void> {
  const headers = new Headers({ 'x-trigger-api-version': API_VERSION });
  const reports = new Map<string, unknown[]>();
  for (const run of world.stub.runs.values()) {
    const taskId = run.schedule?.externalId ?? '';
    reports.set(taskId, [...(reports.get(taskId) ?? []), describeRun(run, headers, '')]);
  }
  const expected = await recorded(reports);
  expect(await stored()).toEqual(expected.map((run) => ({ ...run, engine_run_id: run._id })));
}

describe('a run of a schedule', () => {
  beforeEach(() => world.start());

  test('is stored with its task, as the API stores a report of it', async () => {
    fire({ tags: ['a'], metadata: { step: 1 }, version: '1.2' });
    await world.pass();
    expect(await stored()).toMatchObject([
      { task_id: uuid(1), status: 'QUEUED', payload: { type: 'IMPERATIVE' } },
    ]);
    await expectAsAtTrigger();
    expect(await world.collections.tasks.findOne({ _id: uuid(1) })).toMatchObject({
      recent_runs: [{ createdAt: START }],
      recording: [],
    });
  });

  test('changes its status with the listing, and its details follow', async () => {
    const run = fire();
    await world.pass();
    await change(run, { status: 'EXECUTING' });
    await world.list();
    expect(await world.stored(run.id)).toMatchObject({ status: 'EXECUTING', payload: run.payload });
    await world.details();
    await change(run, { status: 'COMPLETED', output: { text: 'Done' } });
    await world.list();
    expect(await world.stored(run.id)).toMatchObject({ status: 'COMPLETED', finishedAt: world.now });
    expect(await world.stored(run.id)).not.toHaveProperty('output');
    await world.details();
    expect(await world.stored(run.id)).toMatchObject({ output: { text: 'Done' }, attempts: [] });
    await expectAsAtTrigger();
  });

  test.each<[StubRun['status'], string]>([
    ['DEQUEUED', 'EXECUTING'],
    ['WAITING', 'FROZEN'],
    ['PENDING_VERSION', 'PENDING_VERSION'],
    ['DELAYED', 'DELAYED'],
    ['EXPIRED', 'CANCELED'],
    ['TIMED_OUT', 'FAILED'],
    ['FAILED', 'FAILED'],
    ['CRASHED', 'CRASHED'],
    ['SYSTEM_FAILURE', 'SYSTEM_FAILURE'],
    ['CANCELED', 'CANCELED'],
  ])('that becomes %s is %s, from the listing and with details', async (status, published) => {
    const run = fire();
    await world.pass();
    const error = { message: 'No', name: 'Error', stackTrace: 'at 1' };
    await change(run, { status, ...(status === 'FAILED' && { error }) });
    await world.list();
    expect(await world.stored(run.id)).toMatchObject({ status: published });
    await world.details();
    await expectAsAtTrigger();
  });

  test('is read once while it does not change', async () => {
    for (const status of ['QUEUED', 'COMPLETED'] as const) fire({ status });
    for (let at = 0; at < 4; at += 1) await world.pass();
    expect(world.stub.counts).toMatchObject({ retrieveRun: 2, listRuns: 8 });
  });

  test('is brought home though it ends long after the window of the listing', async () => {
    const run = fire({ status: 'EXECUTING' });
    await world.pass();
    await world.time.pass(DAY);
    const other = fire();
    await world.pass();
    await world.pass();
    await change(run, { status: 'COMPLETED', output: 1 });
    await world.pass();
    expect(await world.stored(run.id)).toMatchObject({ status: 'COMPLETED', output: 1 });
    expect(await world.stored(other.id)).toMatchObject({ status: 'QUEUED' });
    await expectAsAtTrigger();
  });

  test('stays under its task when the schedule there gets another one', async () => {
    const run = fire();
    await world.pass();
    await change(run, {
      status: 'COMPLETED',
      schedule: { id: schedule.id, cron: '* * * * *', externalId: uuid(2) },
    });
    await world.pass();
    expect(await stored()).toMatchObject([{ task_id: uuid(1), status: 'COMPLETED' }]);
    await change(run, { status: 'COMPLETED', schedule: undefined, output: 2 });
    await world.pass();
    expect(await stored()).toMatchObject([{ task_id: uuid(1), output: 2 }]);
  });

  test('is brought home after its task was deleted, but not if it is new', async () => {
    const run = fire({ status: 'EXECUTING' });
    await world.pass();
    await world.collections.tasks.deleteOne({ _id: uuid(1) });
    fire();
    await change(run, { status: 'COMPLETED', output: 1 });
    await world.list();
    expect(await world.stored(run.id)).toMatchObject({ status: 'COMPLETED' });
    await world.pass();
    expect(await stored()).toMatchObject([{ _id: run.id, output: 1, depth: 0 }]);
  });
});

describe('a manual run', () => {
  const OURS = 'run_ours';
  const claim = { _id: OURS, task_id: uuid(1), fence: 0 };
  const addOwn = () =>
    new RunStore(world.collections).addOwn(queuedRun(OURS, { trigger: 'manual' }), world.now);
  const handOver = (id: string) => new RunStore(world.collections).handOver(claim, id);
  beforeEach(() => world.start());

  test('is written under the id that it has here, from its hand-over on', async () => {
    await addOwn();
    const run = world.stub.addRun({
      idempotencyKey: OURS,
      payload: { type: 'manual' },
      createdAt: ago(MINUTE),
    });
    await world.pass();
    expect(await stored()).toMatchObject([
      { _id: OURS, fence: 0, payload: { scheduled_at: expect.anything() } },
    ]);
    expect(world.sync.state().pending).toBe(0);
    await handOver(run.id);
    await world.list();
    expect(await stored()).toMatchObject([{ _id: OURS, status: 'QUEUED', createdAt: run.createdAt }]);
    await world.details();
    expect(await stored()).toMatchObject([{ _id: OURS, engine_run_id: run.id, payload: { type: 'manual' } }]);
    await change(run, { status: 'COMPLETED', output: 1 });
    await world.list();
    expect(await stored()).toMatchObject([{ _id: OURS, status: 'COMPLETED' }]);
    await world.details();
    expect(await stored()).toMatchObject([{ _id: OURS, output: 1, depth: 0 }]);
  });

  test('is found by the id at Trigger.dev, even without its key', async () => {
    await addOwn();
    const run = world.stub.addRun({ status: 'COMPLETED', output: 1, createdAt: ago(90 * DAY) });
    await handOver(run.id);
    await world.pass();
    expect(await stored()).toMatchObject([{ _id: OURS, engine_run_id: run.id, output: 1 }]);
  });

  test('is not mistaken for another that uses its id as key', async () => {
    const run = fire();
    await world.pass();
    fire({ idempotencyKey: run.id });
    await world.pass();
    expect(await stored()).toHaveLength(2);
    await expectAsAtTrigger();
  });
});

describe('not stored', () => {
  test.each<[string, NewRun]>([
    ['a run without schedule', {}],
    ['a run of an unknown task', { schedule: { id: 'sched_1', cron: '* * * * *', externalId: uuid(9) } }],
    [
      'a run of a schedule of another kind',
      { schedule: { id: 'sched_1', cron: '* * * * *', externalId: 'x' } },
    ],
  ])('is %s, and it is read every ten minutes at most', async (_, fields) => {
    await world.start();
    world.stub.addRun(fields);
    for (let at = 0; at < 4; at += 1) await world.pass();
    expect([await stored(), world.stub.counts.retrieveRun]).toEqual([[], 1]);
    await world.time.pass(10 * MINUTE);
    await world.pass();
    expect(world.stub.counts.retrieveRun).toBe(2);
  });

  test('is a run whose id belongs to a run of another task', async () => {
    await world.start();
    const run = fire({ status: 'COMPLETED' });
    const runs = new RunStore(world.collections);
    const foreign = {
      id: run.id,
      status: 'QUEUED',
      taskIdentifier: 'x',
      createdAt: ago(1),
      updatedAt: ago(1),
    } as const;
    await runs.recordRuns(uuid(2), [foreign]);
    const before = await stored();
    for (let at = 0; at < 3; at += 1) await world.pass();
    expect(await stored()).toEqual(before);
    expect(world.stub.counts.retrieveRun).toBe(1);
  });

  test('is a run of another task of the project', async () => {
    await world.start();
    fire({ taskIdentifier: 'another' });
    await world.pass();
    expect([await stored(), world.stub.counts.retrieveRun]).toEqual([[], 0]);
  });
});

describe('nothing is deleted', () => {
  test('when Trigger.dev loses its history', async () => {
    await world.start();
    fire({ status: 'COMPLETED' });
    fire({ status: 'EXECUTING' });
    await world.pass();
    const before = await stored();
    world.stub.runs.clear();
    world.stub.resetCounts();
    for (let at = 0; at < 4; at += 1) await world.pass();
    expect(await stored()).toEqual(before);
    expect(world.stub.counts.retrieveRun).toBe(1);
  });

  test('with the key of an empty environment, and the right key brings home what was missed', async () => {
    await world.start();
    const run = fire({ status: 'EXECUTING' });
    await world.pass();
    const before = await stored();
    await world.start({ secretKey: EMPTY_KEY });
    await world.pass();
    expect(await stored()).toEqual(before);
    await change(run, { status: 'COMPLETED' });
    fire();
    await world.start();
    await world.pass();
    await expectAsAtTrigger();
  });
});

describe('a presigned value', () => {
  const LIMIT = MAX_OUTPUT_BYTES;
  let run: StubRun;
  /** @param type - the content type of the reply */
  const withFile = (body: string, type: string, status = 200, headers: Record<string, string> = {}) => {
    world.answer = (url, init) => {
      if (!url.includes('/files/')) return undefined;
      // As `fetch` does it by default.
      if ('location' in headers && init?.redirect !== 'manual')
        return Promise.resolve(Response.json('followed'));
      return Promise.resolve(new Response(body, { status, headers: { 'content-type': type, ...headers } }));
    };
  };
  beforeEach(async () => {
    await world.start();
    run = fire({ status: 'COMPLETED', outputFile: 'out' });
  });

  test('is downloaded', async () => {
    const [payload, output] = [{ a: 1 }, [1, 2]];
    fire({ status: 'COMPLETED', payloadFile: 'in', outputFile: 'out' });
    world.stub.files.set('in', JSON.stringify(payload)).set('out', JSON.stringify(output));
    await world.pass();
    expect(await stored()).toMatchObject([{ output }, { payload, output }]);
  });

  test.each<[string, string, unknown]>([
    ['application/json', '{"a":12345678901234567}', { a: Long.fromString('12345678901234567') }],
    ['application/super+json', '{"json":{"a":1},"meta":{}}', { a: 1 }],
    ['text/plain', '12', '12'],
    ['application/json', '[', '['],
    [
      'application/json',
      `"${'x'.repeat(LIMIT)}"`,
      {
        text: `"${'x'.repeat(LIMIT - 1)}`,
        truncated: true,
        note: expect.stringContaining('The output has 262,146 bytes'),
      },
    ],
  ])('of type %s is stored as a run stores it: %#', async (type, body, output) => {
    withFile(body, type);
    await world.pass();
    expect((await world.collections.runs.findOne({}, { promoteLongs: false }))?.output).toEqual(output);
  });

  test.each<[string, () => void, string]>([
    [
      'a redirect',
      () => withFile('', 'text/html', 302, { location: 'http://127.0.0.1/' }),
      'replied with 302',
    ],
    ['a refusal', () => withFile('', 'text/xml', 403), 'replied with 403'],
    ['too much data', () => withFile('x'.repeat(16_777_217), 'text/plain'), 'more than 16,777,216 bytes'],
  ])('with %s is replaced by a note', async (_, prepare, problem) => {
    prepare();
    await world.pass();
    expect(await world.stored(run.id)).toMatchObject({ output: noteOf(problem), status: 'COMPLETED' });
    expect(world.stub.counts.download).toBe(0);
  });

  test.each<[string, () => void, string]>([
    ['is unavailable', () => withFile('', 'text/html', 503), 'the storage replied with 503'],
    [
      'cannot be reached',
      () => (world.stub.failing = (kind) => (kind === 'download' ? 'down' : undefined)),
      'fetch failed',
    ],
    [
      'does not reply',
      () => {
        world.isHanging = true;
        world.stub.failing = (kind) => (kind === 'download' ? 'hanging' : undefined);
      },
      'no complete reply within 15 seconds',
    ],
  ])('whose storage %s is tried three times, and others are read meanwhile', async (_, prepare, problem) => {
    prepare();
    const other = fire();
    await world.pass();
    expect(await world.stored(other.id)).not.toBeNull();
    expect(await world.stored(run.id)).toBeNull();
    expect(world.sync.state()).toMatchObject({ pending: 1, problem: expect.stringContaining(problem) });
    await world.time.pass(20 * SECOND);
    await world.pass();
    expect(await world.stored(run.id)).toBeNull();
    await world.time.pass(20 * SECOND);
    await world.pass();
    expect(await world.stored(run.id)).toMatchObject({ output: noteOf(problem) });
    expect(world.sync.state()).toEqual({ pending: 0, behindSeconds: expect.any(Number) });
  });

  test('at another address than HTTP is replaced by a note', async () => {
    const api = {
      listRuns: async () => ({ runs: [], next: undefined }),
      retrieveRun: async () => parsed(run, { output: undefined, outputPresignedUrl: 'file:///etc/passwd' }),
    };
    await new RunStore(world.collections).recordRuns(uuid(1), [recordOfOpen(run.id)]);
    await world.start({ api });
    await world.pass();
    expect(await world.stored(run.id)).toMatchObject({ output: noteOf('not an HTTP URL') });
  });
});

const HEADERS = new Headers({ 'x-trigger-api-version': API_VERSION });
const parsed = (run: StubRun, fields: object = {}) =>
  RetrieveRunResponse.parse({ ...wire(describeRun(run, HEADERS, '')), ...fields });
const recordOfOpen = (id: string) => ({
  id,
  status: 'QUEUED' as const,
  taskIdentifier: 'x',
  createdAt: START,
  updatedAt: new Date(0),
  engine_run_id: id,
});
/** Has the synchronizer read a run as it is given. */
async function readAs(run: ReturnType<typeof parsed>): Promise<void> {
  await world.start({
    api: { listRuns: async () => ({ runs: [], next: undefined }), retrieveRun: async () => run },
  });
  await new RunStore(world.collections).recordRuns(uuid(1), [recordOfOpen(run.id)]);
  await world.pass();
}

test('a run in any shape is stored as the API stores a report of it', async () => {
  const settings = { numRuns: isLong ? 1_000 : 12, seed: Number(process.env.PROPERTY_SEED ?? 20_261_126) };
  await fc.assert(
    fc.asyncProperty(retrieved, async (run) => {
      await world.collections.runs.deleteMany({});
      const { payloadPresignedUrl: _payload, outputPresignedUrl: _output, ...report } = wire(run);
      await readAs(RetrieveRunResponse.parse(report));
      const expected = await recorded(new Map([[uuid(1), [{ ...report, attempts: [] }]]]));
      expect(await stored()).toEqual(expected.map((one) => ({ ...one, engine_run_id: one._id })));
    }),
    settings,
  );
}, 300_000);

const deep = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

test.each<[string, object, object]>([
  [
    'a deep output',
    { output: deep(65) },
    { output: { truncated: false, note: expect.stringContaining('64 levels') } },
  ],
  ['an output of endless depth', { output: deep(50_000) }, { output: noteOf('nested too deep') }],
  ['NUL in the payload', { payload: { a: '\0' } }, { payload: { text: expect.stringContaining('a') } }],
  [
    'a reserved name',
    { output: { _bsontype: 'x' } },
    { output: { note: expect.stringContaining('_bsontype') } },
  ],
  ['a large integer', { output: [1e20] }, { output: { text: '[100000000000000000000]' } }],
  [
    'a long payload',
    { payload: 'x'.repeat(300_000) },
    { payload: { truncated: true, note: expect.stringContaining('The payload has 300,002 bytes') } },
  ],
  ['long metadata', { metadata: { a: 'x'.repeat(300_000) } }, { metadata: { truncated: true } }],
  [
    'amounts',
    { depth: 1.5, costInCents: -1, durationMs: 1e300 },
    { depth: 1, costInCents: 0, durationMs: 1e12 },
  ],
  [
    'texts',
    { version: `\0${'x'.repeat(300)}`, tags: Array(20).fill('\ud800') },
    { version: `\uFFFD${'x'.repeat(254)}`, tags: Array(10).fill('\uFFFD') },
  ],
  [
    'an error',
    { error: { message: '\0', name: 'x'.repeat(300), stackTrace: 'x'.repeat(300_000) } },
    { error: { message: '\uFFFD', name: 'x'.repeat(255), stackTrace: 'x'.repeat(200_000) } },
  ],
  ['instants', { startedAt: new Date(-1e14) }, { startedAt: new Date('1000-01-01T00:00:00.000Z') }],
])('with %s beyond the limits of the API, a run is stored all the same', async (_, fields, expected) => {
  await readAs(parsed(fire({ status: 'COMPLETED' }), fields));
  expect(await stored()).toMatchObject([{ status: 'COMPLETED', ...expected }]);
});

describe('an outdated reply', () => {
  test('of a run changes nothing, and the run is read again', async () => {
    await world.start();
    const run = fire();
    const old = parsed(run);
    await world.pass();
    await change(run, { status: 'COMPLETED', output: 1 });
    await world.list();
    world.answer = (url) =>
      url.includes('/v3/runs/') ? Promise.resolve(Response.json(wire(old))) : undefined;
    await world.details();
    expect(await world.stored(run.id)).toMatchObject({ status: 'COMPLETED' });
    world.answer = () => undefined;
    await world.pass();
    await expectAsAtTrigger();
  });

  test('that arrives after the listing of a newer state has the run read again', async () => {
    await world.start();
    const run = fire();
    const old = parsed(run);
    await world.list();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.isHanging = true;
    world.answer = (url) =>
      url.includes('/v3/runs/') ? held.then(() => Response.json(wire(old))) : undefined;
    const reading = world.sync.details(world.process.ending.signal);
    await change(run, { status: 'COMPLETED', output: 1 });
    await world.list();
    world.answer = () => undefined;
    release();
    await world.drive(reading);
    await expectAsAtTrigger();
  });

  test('of the listing changes nothing', async () => {
    await world.start();
    const run = fire();
    const old = await (
      await world.stub.fetch(`${world.stub.url}/api/v1/runs`, {
        headers: { authorization: 'Bearer tr_prod_secret', 'x-trigger-api-version': API_VERSION },
      })
    ).json();
    await change(run, { status: 'COMPLETED', output: 1 });
    await world.pass();
    world.answer = (url) => (url.includes('/v1/runs') ? Promise.resolve(Response.json(old)) : undefined);
    await world.pass();
    await expectAsAtTrigger();
  });
});

describe('the stored instant', () => {
  test('is that of the oldest run without details, then a minute before the newest run', async () => {
    await world.start();
    const [oldest] = [fire({ createdAt: ago(10 * DAY) }), fire({ createdAt: ago(DAY) })];
    await world.list();
    expect(await world.runsFrom()).toEqual(oldest.createdAt);
    await world.pass();
    await world.list();
    expect(await world.runsFrom()).toEqual(ago(DAY + MINUTE + world.time.ms));
  });

  test('is where the next process begins, and it reads nothing twice', async () => {
    await world.start();
    for (let at = 0; at < 110; at += 1) fire({ status: 'COMPLETED', createdAt: ago(at * MINUTE) });
    await world.pass();
    await world.list();
    world.stub.resetCounts();
    await world.start();
    await world.pass();
    expect(world.stub.counts).toMatchObject({ listRuns: 2, retrieveRun: 0 });
  });

  test('lets the next process complete a run of which only the new status is stored', async () => {
    await world.start();
    const run = fire();
    await world.pass();
    await change(run, { status: 'COMPLETED', output: 1 });
    await world.list();
    await world.start();
    await world.pass();
    await expectAsAtTrigger();
  });

  test('stays when a listing fails in its middle, and the failure shows', async () => {
    await world.start();
    for (let at = 0; at < 210; at += 1) fire({ status: 'COMPLETED', createdAt: ago(at * MINUTE) });
    world.stub.failing = (kind, { count }) => (kind === 'listRuns' && count === 3 ? 500 : undefined);
    expect(await failureOf(world.list())).toBeInstanceOf(TriggerFailure);
    await world.details();
    expect(await world.runsFrom()).toBeUndefined();
    await world.start();
    await world.pass();
    await expectAsAtTrigger();
  });
});

test('a run that is listed again while its details are read is read once', async () => {
  await world.start();
  fire();
  await world.list();
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  world.isHanging = true;
  world.answer = (url, init) =>
    url.includes('/v3/runs/') ? held.then(() => world.stub.fetch(url, init)) : undefined;
  const reading = world.sync.details(world.process.ending.signal);
  await world.list();
  release();
  await world.drive(reading);
  expect(world.stub.counts.retrieveRun).toBe(1);
  await expectAsAtTrigger();
});

test('a run created long ago that shows late is found while younger ones are not listed yet', async () => {
  await world.start();
  fire({ createdAt: ago(10 * MINUTE), status: 'COMPLETED' });
  await world.pass();
  fire({ createdAt: ago(9 * MINUTE), status: 'COMPLETED' });
  await world.pass();
  await expectAsAtTrigger();
});

test('a run that cannot be read delays only itself', async () => {
  await world.start();
  const bad = fire({ createdAt: ago(MINUTE) });
  for (let at = 0; at < 20; at += 1) fire();
  world.answer = (url) => (url.endsWith(bad.id) ? Promise.resolve(Response.json({ id: 1 })) : undefined);
  await world.list();
  expect(await failureOf(world.details())).toMatchObject({ kind: 'unreachable' });
  await world.details();
  expect(await stored()).toHaveLength(20);
  expect(world.sync.state()).toMatchObject({ pending: 1, problem: expect.stringContaining('unexpected') });
  world.answer = () => undefined;
  await world.time.pass(20 * SECOND);
  await world.details();
  await expectAsAtTrigger();
});

test('a run that failed before is read after all others', async () => {
  await world.start();
  const bad = fire({ createdAt: ago(MINUTE) });
  world.answer = (url) => (url.endsWith(bad.id) ? Promise.resolve(Response.json({ id: 1 })) : undefined);
  await world.list();
  await failureOf(world.details());
  for (let at = 0; at < 20; at += 1) fire();
  await world.time.pass(20 * SECOND);
  await world.list();
  expect(await failureOf(world.details())).toMatchObject({ kind: 'unreachable' });
  expect(await stored()).toHaveLength(20);
});

test('a burst is read oldest first, within the budget, and the state says how far behind', async () => {
  await world.start();
  const runs = Array.from({ length: 250 }, (_, at) => fire({ createdAt: ago(at) }));
  await world.list();
  const before = world.time.ms;
  await world.time.pass(SECOND);
  expect(world.sync.state()).toMatchObject({ pending: 250, behindSeconds: expect.any(Number) });
  expect(world.sync.state().behindSeconds).toBeGreaterThanOrEqual(1);
  await world.details();
  expect(world.time.ms - before).toBeGreaterThanOrEqual(10 * SECOND);
  expect(world.stub.limited).toBe(0);
  const read = world.stub.log.filter(({ kind }) => kind === 'retrieveRun').map(({ id }) => id);
  expect(read).toEqual(runs.map(({ id }) => id).toReversed());
  await world.list();
  expect(world.sync.state()).toEqual({ pending: 0, behindSeconds: 0 });
});

test('while too many runs are pending, the listing waits', async () => {
  await world.start({ maxPending: 50 });
  for (let at = 0; at < 150; at += 1) fire({ createdAt: ago(at) });
  const { signal } = world.process.ending;
  const listing = world.sync.list(signal);
  await world.time.pass(SECOND);
  expect([world.sync.state().pending, world.stub.counts.listRuns]).toEqual([100, 1]);
  const details = async () => {
    while (world.stub.counts.retrieveRun < 150) {
      await world.sync.details(signal);
      await new Promise<void>((resolve) => world.process.clock.setTimeout(resolve, SECOND));
    }
  };
  await world.drive(Promise.all([listing, details()]));
  await expectAsAtTrigger();
});

const COUNT = isLong ? 50_000 : 500;

test(`${COUNT} runs are brought home`, async () => {
  const tasks = Array.from({ length: COUNT / 100 }, (_, at) => task(at + 10));
  await world.collections.tasks.insertMany(tasks);
  const schedules = tasks.map(({ _id }) => world.stub.addSchedule({ externalId: _id }).id);
  const statuses = ['COMPLETED', 'FAILED', 'EXPIRED', 'TIMED_OUT', 'EXECUTING', 'QUEUED'] as const;
  for (let at = 0; at < COUNT; at += 1) {
    const status = statuses[at % statuses.length];
    const error = status === 'FAILED' ? { message: `No ${at}` } : undefined;
    world.stub.fire(schedules[at % schedules.length] ?? '', {
      status,
      error,
      output: { at },
      createdAt: ago(at * 40 * SECOND),
    });
  }
  await world.start();
  const startedMs = performance.now();
  const before = world.time.ms;
  await world.pass();
  await world.list();
  if (isLong)
    process.stdout.write(
      `${COUNT} runs: ${world.stub.calls} calls, ${(world.time.ms - before) / SECOND} s of virtual time, ` +
        `${Math.round((performance.now() - startedMs) / SECOND)} s of real time\n`,
    );
  expect(world.stub.limited).toBe(0);
  await expectAsAtTrigger();
}, 3_600_000);

type Step = 'fire' | 'change' | 'list' | 'details' | 'both';

test('a process may be killed at any moment, and the next one ends in the same state', async () => {
  const course = fc.record({
    steps: fc.array(fc.constantFrom<Step>('fire', 'fire', 'change', 'list', 'details', 'both'), {
      minLength: 4,
      maxLength: 14,
    }),
    at: fc.nat(1_000),
    again: fc.nat(1_000),
  });
  const next = { QUEUED: 'EXECUTING', EXECUTING: 'COMPLETED' } as const;
  async function act(step: Step): Promise<void> {
    await world.time.pass(10 * SECOND);
    if (step === 'fire') fire({ payload: world.time.ms });
    if (step === 'change') {
      const run = [...world.stub.runs.values()].find(({ status }) => status in next);
      if (run?.status === 'QUEUED') world.stub.change(run.id, { status: 'EXECUTING' });
      else if (run) world.stub.change(run.id, { status: 'COMPLETED', output: run.id });
    }
    if (!world.process.isAlive) return;
    const { signal } = world.process.ending;
    if (step === 'list') await world.list();
    if (step === 'details') await world.details();
    if (step === 'both')
      await world.drive(Promise.all([world.sync.list(signal), world.sync.details(signal)]));
  }
  await fc.assert(
    fc.asyncProperty(course, async ({ steps, at, again }) => {
      await world.close();
      world = await SyncWorld.open(database.collections);
      schedule = world.stub.addSchedule({ externalId: uuid(1) });
      for (const moment of [at, again]) {
        await world.start();
        world.process.killAt = (moment % 80) + 1;
        for (const step of steps) await act(step);
      }
      await world.start();
      await world.pass();
      await world.pass();
      await expectAsAtTrigger();
    }),
    { numRuns: isLong ? 1_000 : 8, seed: Number(process.env.PROPERTY_SEED ?? 20_261_126) },
  );
}, 3_600_000);
