/** The original's web app: pages of another origin that send a bearer token. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ReportedRunStatus, RunReport } from '../../generated/types.gen.ts';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT, run, task, unseenTask, uuid } from '../support/builders.ts';
import { NOW } from '../support/service.ts';
import { ARTIST_NAME, ENDED, OWNER_EMAIL, WEB_APP, added, exchange, startForConsumers } from './consumers.ts';

let service: Awaited<ReturnType<typeof startForConsumers>>;
beforeAll(async () => {
  service = await startForConsumers();
});
afterAll(() => service.close());
beforeEach(async () => {
  await service.collections.tasks.deleteMany({});
  await service.collections.runs.deleteMany({});
});

const bearer = (token = service.key): [string, string] => ['Authorization', `Bearer ${token}`];
const JSON_TYPE: [string, string] = ['Content-Type', 'application/json'];

/** The app sends Content-Type with every call on tasks, also without a body. */
const onTasks = (method: string, query: string, body?: unknown, token?: string) =>
  exchange(service, {
    method,
    path: `/api/tasks${query}`,
    headers: added.browser([bearer(token), JSON_TYPE]),
    body,
  });
/** It sends none with calls on runs. */
const onRuns = (query: string, headers: [string, string][] = []) =>
  exchange(service, {
    method: 'GET',
    path: `/api/tasks/runs?${query}`,
    headers: added.browser([bearer(), ...headers]),
  });
const listed = async (query: string) =>
  (await onTasks('GET', query)).body?.tasks?.map(({ id }) => Number(id.slice(-12)));

const FORM = {
  title: 'Weekly report',
  prompt: 'Write it.',
  schedule: '0 9 * * 4',
  artist_account_id: ARTIST,
};

describe('the web app', () => {
  test.each(['GET', 'POST', 'PATCH', 'DELETE'])('gets the preflight of its %s answered', async (method) => {
    const { status, headers } = await exchange(service, {
      method: 'OPTIONS',
      path: '/api/tasks',
      headers: added.browser([
        ['Access-Control-Request-Method', method],
        ['Access-Control-Request-Headers', 'authorization,content-type'],
      ]),
    });
    expect([status, headers.get('access-control-allow-origin')]).toEqual([204, WEB_APP]);
    expect(headers.get('access-control-allow-methods')).toContain(method);
    expect(headers.get('access-control-allow-headers')?.toLowerCase()).toMatch(/authorization,content-type/);
  });

  test('creates a task of its own account without account_id', async () => {
    const { status, headers, body } = await onTasks('POST', '', {
      ...FORM,
      model: 'large',
      timezone: 'America/New_York',
    });
    expect([status, headers.get('access-control-allow-origin')]).toEqual([200, WEB_APP]);
    expect(body).toMatchObject({
      status: 'success',
      tasks: [
        {
          ...FORM,
          id: expect.any(String),
          account_id: ACCOUNT,
          model: 'large',
          timezone: 'America/New_York',
          enabled: true,
          recent_runs: [],
          owner_email: OWNER_EMAIL,
          artist_name: ARTIST_NAME,
          created_at: NOW.toISOString(),
          updated_at: NOW.toISOString(),
        },
      ],
    });
    expect(body?.tasks?.[0]?.upcoming[0]).toBe('2026-11-26T14:00:00.000Z');
  });

  test('gets all of its tasks at once, newest first', async () => {
    const count = 1_100;
    await service.collections.tasks.insertMany([
      ...Array.from({ length: count }, (_, at) => unseenTask(at)),
      unseenTask(5_000, { account_id: OTHER_ACCOUNT }),
    ]);
    const { status, body } = await onTasks('GET', '');
    expect([status, body?.next_cursor]).toEqual([200, undefined]);
    expect(body?.tasks?.map(({ id }) => id)).toEqual(
      Array.from({ length: count }, (_, at) => uuid(count - 1 - at)),
    );
  });

  test('reads the instants, the names and the runs of a listed task', async () => {
    const updated_at = new Date('2026-11-20T10:00:00.000Z');
    const one = unseenTask(1, { updated_at });
    await service.collections.tasks.insertOne(one);
    await service.runs.recordRuns(uuid(1), [run(1), run(2)]);
    const { body } = await onTasks('GET', `?id=${uuid(1)}`);
    expect(body?.tasks).toMatchObject([
      {
        created_at: one.created_at.toISOString(),
        updated_at: updated_at.toISOString(),
        artist_name: ARTIST_NAME,
        owner_email: OWNER_EMAIL,
        recent_runs: [{ id: 'run_000002', status: 'COMPLETED' }, { id: 'run_000001' }],
      },
    ]);
    expect(body?.tasks?.[0]?.upcoming).toHaveLength(10);
  });

  test('filters by id, account and artist', async () => {
    const tasks = [unseenTask(1), unseenTask(2, { artist_account_id: uuid(7) })];
    await service.collections.tasks.insertMany(tasks);
    expect(await listed(`?id=${uuid(1)}`)).toEqual([1]);
    expect(await listed(`?account_id=${ACCOUNT}`)).toEqual([2, 1]);
    expect(await listed(`?artist_account_id=${uuid(7)}`)).toEqual([2]);
    expect(await listed(`?id=${uuid(9)}`)).toEqual([]);
  });

  test.each([
    { title: 'New' },
    { prompt: 'New' },
    { schedule: '5 5 * * *' },
    { artist_account_id: uuid(7) },
    { model: 'large' },
    { model: null },
    { timezone: 'Europe/Berlin' },
    { enabled: false },
    { enabled: null },
  ])('changes a task by %j and reads the changed task', async (change) => {
    await service.collections.tasks.insertOne(unseenTask(1));
    const { status, body } = await onTasks('PATCH', '', { id: uuid(1), ...change });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'success',
      tasks: [{ ...change, id: uuid(1), updated_at: NOW.toISOString() }],
    });
  });

  test('pauses and resumes a task, which keeps its time zone', async () => {
    await service.collections.tasks.insertOne(unseenTask(1, { timezone: 'America/New_York' }));
    const paused = await onTasks('PATCH', '', { id: uuid(1), enabled: false });
    expect(paused.body?.tasks).toMatchObject([
      { enabled: false, timezone: 'America/New_York', upcoming: [] },
    ]);
    const { body } = await onTasks('PATCH', '', { id: uuid(1), enabled: true });
    expect(body?.tasks).toMatchObject([{ enabled: true, timezone: 'America/New_York' }]);
    expect(body?.tasks?.[0]?.upcoming[0]).toBe('2026-11-26T14:00:00.000Z');
  });

  test('deletes a task by its id alone', async () => {
    await service.collections.tasks.insertOne(unseenTask(1));
    expect(await onTasks('DELETE', '', { id: uuid(1) })).toMatchObject({
      status: 200,
      body: { status: 'success' },
    });
    expect(await onTasks('DELETE', '', { id: uuid(1) })).toMatchObject({
      status: 404,
      body: { status: 'error', error: expect.stringContaining(uuid(1)) },
    });
  });

  test('lists its last twenty runs with the titles of their tasks', async () => {
    await service.collections.tasks.insertMany([unseenTask(1), unseenTask(2, { account_id: OTHER_ACCOUNT })]);
    await service.runs.recordRuns(
      uuid(1),
      Array.from({ length: 25 }, (_, at) => run(at, { metadata: { sessionId: `session-${at}` } })),
    );
    await service.runs.recordRuns(uuid(2), [run(99)]);
    const { status, body } = await onRuns('limit=20');
    expect(status).toBe(200);
    expect(body?.runs).toHaveLength(20);
    expect(body?.runs?.[0]).toMatchObject({
      id: 'run_000024',
      title: 'Task 1',
      status: 'COMPLETED',
      taskIdentifier: 'customer-prompt-task',
      metadata: { sessionId: 'session-24' },
      createdAt: expect.any(String),
    });
  });

  test.each<[ReportedRunStatus, string]>([
    ['COMPLETED', 'COMPLETED'],
    ['FAILED', 'FAILED'],
    ['CRASHED', 'CRASHED'],
    ['CANCELED', 'CANCELED'],
    ['SYSTEM_FAILURE', 'SYSTEM_FAILURE'],
    ['INTERRUPTED', 'INTERRUPTED'],
    ['EXPIRED', 'CANCELED'],
    ['TIMED_OUT', 'FAILED'],
  ])('polls a run every three seconds and sees it end: %s as %s', async (reported, seen) => {
    await service.collections.tasks.insertOne(unseenTask(1));
    const metadata = {
      sessionId: 's',
      chatId: 'c',
      workflowRunId: 'w',
      currentStep: 'Draft',
      logs: ['a', 'b'],
    };
    const report: RunReport = {
      id: `run_${reported}`,
      status: 'DEQUEUED',
      taskIdentifier: 'customer-prompt-task',
      createdAt: '2026-11-23T11:59:00.000Z',
      updatedAt: '2026-11-23T11:59:01.000Z',
      startedAt: '2026-11-23T11:59:01.000Z',
      metadata,
    };
    await service.report(uuid(1), report);
    const read: unknown[] = [];
    let etag: string | null = null;
    for (let poll = 0; poll < 4; poll += 1) {
      // The browser sends the ETag of the reply in its cache.
      const cached: [string, string][] = etag === null ? [] : [['If-None-Match', etag]];
      const { status, headers, body } = await onRuns(`runId=run_${reported}`, cached);
      read.push(status === 304 ? 304 : body?.runs?.[0]?.status);
      etag = headers.get('etag');
      if (body) expect(body.runs).toMatchObject([{ title: 'Task 1', metadata, startedAt: report.startedAt }]);
      if (body && ENDED.includes(String(body.runs?.[0]?.status))) break;
      if (poll === 1) {
        const ended = { status: reported, updatedAt: '2026-11-23T12:00:05.000Z', durationMs: 4_000 };
        await service.report(uuid(1), { ...report, ...ended, finishedAt: ended.updatedAt });
      }
      service.clock.now = new Date(service.clock.now.getTime() + 3_000);
    }
    service.clock.now = NOW;
    expect(read).toEqual(['EXECUTING', 304, seen]);
  });

  test('reads the end and the error of a run that failed', async () => {
    await service.collections.tasks.insertOne(unseenTask(1));
    const error = { message: 'No credit left.', name: 'PaymentError', stackTrace: 'at pay' };
    const finishedAt = new Date('2026-11-23T11:00:00.000Z');
    const failed = run(1, { status: 'FAILED', error, finishedAt, durationMs: 61_000 });
    await service.runs.recordRuns(uuid(1), [failed]);
    const { body } = await onRuns('runId=run_000001');
    expect(body?.runs).toMatchObject([
      { status: 'FAILED', error, finishedAt: finishedAt.toISOString(), durationMs: 61_000 },
    ]);
  });

  test("shows what is wrong from the reply's error", async () => {
    const { status, headers, body } = await onTasks('POST', '', { ...FORM, schedule: '61 * * * *' });
    expect([status, headers.get('access-control-allow-origin')]).toEqual([400, WEB_APP]);
    expect(body).toMatchObject({ status: 'error', error: expect.stringContaining('"schedule"'), tasks: [] });
  });

  test("shows that another account's task does not exist, as it does for an unknown id", async () => {
    await service.collections.tasks.insertOne(task(2, { account_id: OTHER_ACCOUNT }));
    for (const id of [uuid(2), uuid(9)]) {
      const { status, body } = await onTasks('PATCH', '', { id, title: 'New' });
      expect([status, body?.error]).toEqual([404, `There is no task ${id}.`]);
    }
  });

  test("cannot sign in with a session token of the original's identity provider", async () => {
    const token = ['{"alg":"ES256"}', '{"sub":"user-1"}', 'signature']
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.');
    const { status, body } = await onTasks('GET', '', undefined, token);
    expect([status, body?.tasks]).toEqual([401, []]);
    expect(body?.error).toBe('The API key in Authorization: Bearer is unknown, expired or revoked.');
  });
});
