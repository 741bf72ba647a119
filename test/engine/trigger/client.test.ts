import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type TriggerApi, TriggerFailure } from '../../../src/engine/trigger/api.ts';
import { createTriggerClient } from '../../../src/engine/trigger/client.ts';
import { systemClock } from '../../../src/engine/loop.ts';
import { ProcessClock, VirtualTime } from '../support/virtual-time.ts';
import { EMPTY_KEY, KEY, TASK, TriggerStub } from './support/stub.ts';

const FIELDS = { task: TASK, cron: '0 9 * * 1', timezone: 'Europe/Berlin', externalId: 'task-1' };

const noted = (call: Promise<unknown>) =>
  call.then(
    () => 'replied',
    (error: unknown) => (error instanceof TriggerFailure ? `${error.kind}: ${error.message}` : error),
  );

describe('over HTTP, the client', () => {
  let stub: TriggerStub;
  let api: TriggerApi;
  const clientWith = (secretKey: string, apiUrl = stub.url) =>
    createTriggerClient({
      settings: { task: TASK, secretKey, apiUrl },
      clock: systemClock,
      signal: new AbortController().signal,
    });

  beforeEach(async () => {
    stub = new TriggerStub({ rateLimit: 1_000 });
    await stub.listen();
    api = await clientWith(KEY);
  });
  afterEach(async () => stub.close());

  test('creates, replaces, deactivates, activates, lists and deletes schedules', async () => {
    const created = await api.createSchedule('recoup-1', FIELDS);
    expect(created).toMatchObject({
      active: true,
      deduplicationKey: 'recoup-1',
      externalId: 'task-1',
      timezone: 'Europe/Berlin',
      generator: { expression: '0 9 * * 1' },
    });
    const { id } = created;
    expect(await api.deactivateSchedule(id)).toMatchObject({ active: false, timezone: 'Europe/Berlin' });
    expect(await api.createSchedule('recoup-1', { ...FIELDS, cron: '0 8 * * *' })).toMatchObject({
      id,
      active: false,
    });
    expect(await api.activateSchedule(id)).toMatchObject({ active: true });
    expect(await api.updateSchedule(id, { ...FIELDS, timezone: 'UTC' })).toMatchObject({ timezone: 'UTC' });
    expect((await api.listSchedules(1)).schedules.map((schedule) => schedule.id)).toEqual([id]);
    await api.deleteSchedule(id);
    expect(await api.listSchedules(1)).toEqual({ schedules: [], totalPages: 0 });
  });

  test('triggers a run once for each idempotency key, retrieves, lists and cancels it', async () => {
    const run = { idempotencyKey: 'run_ours', payload: { type: 'manual' }, tags: ['account:1'] };
    const id = await api.triggerRun(run);
    expect(await api.triggerRun(run)).toBe(id);
    expect(await api.retrieveRun(id)).toMatchObject({ ...run, status: 'QUEUED', taskIdentifier: TASK });
    await api.cancelRun(id);
    const { runs, next } = await api.listRuns({ statuses: ['CANCELED'], from: new Date(0) });
    expect([runs.map((listed) => listed.id), next]).toEqual([[id], undefined]);
    expect(await api.listRuns({ statuses: ['QUEUED'] })).toEqual({ runs: [], next: undefined });
  });

  test('pages through runs of its task, newest first', async () => {
    stub.addRun({ taskIdentifier: 'another' });
    const ids = Array.from({ length: 150 }, (_, at) => stub.addRun({ createdAt: new Date(at) }).id);
    const first = await api.listRuns({});
    const second = await api.listRuns({ after: first.next });
    expect([...first.runs, ...second.runs].map(({ id }) => id)).toEqual(ids.toReversed());
    expect(second.next).toBeUndefined();
    const last = await api.listRuns({ from: new Date(149) });
    expect(last.runs.map(({ id }) => id)).toEqual([ids[149]]);
  });

  test.each<[string, (client: TriggerApi) => Promise<unknown>, string]>([
    [
      'an unknown task',
      (to) => to.createSchedule('k', { ...FIELDS, task: 'none' }),
      'refused: .*422: Task with',
    ],
    [
      'a bad zone',
      (to) => to.createSchedule('k', { ...FIELDS, timezone: 'Mars' }),
      'refused: .*422: Invalid IANA',
    ],
    [
      'an unknown schedule',
      (to) => to.updateSchedule('sched_x', FIELDS),
      'notFound: .*404: Schedule not found',
    ],
    ['an unknown run', (to) => to.retrieveRun('run_x'), 'notFound: .*404: Run not found'],
    ['an id with a slash', (to) => to.deactivateSchedule('x/activate'), 'notFound: '],
  ])('reports the failure of %s', async (_, act, message) => {
    expect(await noted(act(api))).toMatch(new RegExp(message));
  });

  test('reports a full project, a broken server and a wrong key', async () => {
    stub.scheduleLimit = 0;
    expect(await noted(api.createSchedule('k', FIELDS))).toMatch(/^refused: .*422: You have created 0\/0/);
    stub.failing = () => 503;
    expect(await noted(api.listSchedules(1))).toMatch(/^unreachable: .*503/);
    expect(stub.counts.listSchedules).toBe(1);
    stub.failing = () => 'down';
    expect(await noted(api.listSchedules(1))).toMatch(/^unreachable: Trigger\.dev cannot be reached: /);
    stub.failing = () => undefined;
    const wrong = await clientWith('tr_prod_wrong');
    expect(await noted(wrong.listRuns({}))).toMatch(/^unauthorized: .*401/);
  });

  test('takes the 404 of another server for a failure, not for a missing object', async () => {
    const misled = await clientWith(KEY, `${stub.url}/files`);
    expect(await noted(misled.retrieveRun('run_x'))).toMatch(/^unreachable: /);
  });

  test('sees nothing with the key of another environment', async () => {
    stub.addSchedule();
    stub.addRun();
    const empty = await clientWith(EMPTY_KEY);
    expect(await empty.listSchedules(1)).toEqual({ schedules: [], totalPages: 0 });
    expect((await empty.listRuns({})).runs).toEqual([]);
  });
});

describe('on virtual time, the client', () => {
  const time = new VirtualTime();
  const clock = new ProcessClock(time, new Date('2026-11-23T12:00:00.000Z'));
  let stub: TriggerStub;
  let api: TriggerApi;
  let ending: AbortController;

  beforeEach(async () => {
    stub = new TriggerStub({ now: () => clock.now() });
    jest.spyOn(globalThis, 'fetch').mockImplementation(stub.fetch);
    ending = new AbortController();
    const settings = { task: TASK, secretKey: KEY, apiUrl: stub.url };
    api = await createTriggerClient({ settings, clock, signal: ending.signal });
  });
  afterEach(async () => {
    ending.abort();
    jest.restoreAllMocks();
    await stub.close();
  });

  test('sends at most 200 requests in 10 seconds, and details of runs last', async () => {
    const { id } = stub.addRun();
    const details = Array.from({ length: 201 }, () => api.retrieveRun(id));
    const first = Array.from({ length: 5 }, () => api.listSchedules(1));
    await time.pass(9_999);
    expect(stub.calls).toBe(200);
    await time.pass(1);
    await Promise.all([...details, ...first]);
    const last = stub.log.slice(200).map(({ kind }) => kind);
    expect(last).toEqual([...Array.from({ length: 5 }, () => 'listSchedules'), 'retrieveRun']);
    expect(stub.limited).toBe(0);
  });

  test('waits as the rate limit asks, then repeats the request', async () => {
    stub.rateLimit = 1;
    const calls = [api.listSchedules(1), api.listSchedules(1)];
    await time.pass(9_999);
    expect([stub.calls, stub.limited]).toEqual([1, 1]);
    await time.pass(1);
    await Promise.all(calls);
    expect(stub.calls).toBe(2);
  });

  test('gives up after three refusals by the rate limit', async () => {
    stub.failing = () => 429;
    const call = noted(api.listSchedules(1));
    await time.pass(180_000);
    expect(await call).toMatch(/^limited: .*429/);
    expect(stub.calls).toBe(3);
  });

  test('waits 15 seconds for a reply', async () => {
    stub.failing = () => 'hanging';
    const call = noted(api.listSchedules(1));
    await time.pass(15_000);
    expect(await call).toBe('unreachable: Trigger.dev did not reply within 15 seconds');
  });

  test('ends all calls when it is stopped', async () => {
    stub.failing = () => 'hanging';
    const calls = Array.from({ length: 201 }, () => noted(api.listSchedules(1)));
    await time.pass(1);
    ending.abort('stopped');
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['stopped']));
    expect(await noted(api.listSchedules(1))).toBe('stopped');
    expect(time.timers).toBe(0);
  });
});

test('a reply that repeats the key does not bring it into a message', async () => {
  const { signal } = new AbortController();
  const settings = { task: TASK, secretKey: KEY, apiUrl: 'http://127.0.0.1:9' };
  const api = await createTriggerClient({ settings, clock: systemClock, signal });
  const reply = new Response(JSON.stringify({ error: `Wrong key: ${KEY}` }), {
    status: 400,
    headers: { 'content-type': 'application/json' },
  });
  jest.spyOn(globalThis, 'fetch').mockResolvedValue(reply);
  await expect(api.listSchedules(1)).rejects.toThrow('Wrong key: [key]');
  jest.restoreAllMocks();
});

// Keep this test last: the package stays missing after it.
test('without its package, the client names it', async () => {
  jest.doMock('@trigger.dev/core/v3', () => {
    throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
  });
  jest.resetModules();
  const { signal } = new AbortController();
  const settings = { task: TASK, secretKey: KEY, apiUrl: 'http://127.0.0.1:9' };
  await expect(createTriggerClient({ settings, clock: systemClock, signal })).rejects.toThrow(
    'run npm install @trigger.dev/core@4',
  );
});
