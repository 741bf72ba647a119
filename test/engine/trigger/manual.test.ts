/** Runs of the queue, on their way to Trigger.dev. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { pino } from 'pino';
import { systemClock } from '../../../src/engine/loop.ts';
import type { TriggerApi } from '../../../src/engine/trigger/api.ts';
import { createTriggerClient } from '../../../src/engine/trigger/client.ts';
import { QueuedRuns } from '../../../src/engine/trigger/manual.ts';
import { startTriggerEngine } from '../../../src/engine/trigger/trigger-engine.ts';
import { cancelRun } from '../../../src/operations/cancelRun.ts';
import { runTask } from '../../../src/operations/runTask.ts';
import { CancelStore } from '../../../src/store/cancel-store.ts';
import { ClaimStore } from '../../../src/store/claim-store.ts';
import { EngineStore } from '../../../src/store/engine-store.ts';
import { RunStore } from '../../../src/store/run-store.ts';
import { TaskStore } from '../../../src/store/task-store.ts';
import { Expiry } from '../../../src/store/expiry.ts';
import { QueueClaims } from '../../../src/store/queue-claims.ts';
import { QueueStore } from '../../../src/store/queue-store.ts';
import type { QueuedRun } from '../../../src/store/queue-document.ts';
import type { RunDocument } from '../../../src/store/run-document.ts';
import type { TaskDocument } from '../../../src/store/task-document.ts';
import { ACCOUNT, OTHER_ACCOUNT, task, uuid } from '../../support/builders.ts';
import { queuedRun } from '../../support/queue.ts';
import { NOW } from '../../support/service.ts';
import { type Around, watched } from '../support/engine-process.ts';
import { memoryCollections } from '../support/memory-collections.ts';
import { ProcessClock, VirtualTime } from '../support/virtual-time.ts';
import { KEY, TASK, TriggerStub } from './support/stub.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const log = pino({ level: 'silent' });

let collections: ReturnType<typeof memoryCollections>;
let stub: TriggerStub;
let api: TriggerApi;
let ending: AbortController;
beforeEach(async () => {
  collections = memoryCollections();
  await collections.tasks.insertOne(task(1, { trigger_schedule_id: 'sched_1', timezone: 'Europe/Berlin' }));
  await new EngineStore(collections).renew('trigger', NOW);
  stub = new TriggerStub({ now: () => NOW, rateLimit: Infinity });
  jest.spyOn(globalThis, 'fetch').mockImplementation(stub.fetch);
  ending = new AbortController();
  const { signal } = ending;
  // Its budget is that of another time for each call.
  let ms = 0;
  const clock = { ...systemClock, monotonicMs: () => (ms += SECOND) };
  const settings = { task: TASK, secretKey: KEY, apiUrl: stub.url };
  api = await createTriggerClient({ settings, clock, signal });
});
afterEach(async () => {
  ending.abort();
  jest.restoreAllMocks();
  await stub.close();
});

/**
 * Creates a process that leads.
 * @param atMoment - called before each call to the database or Trigger.dev, with the number of the moment
 */
function leader(atMoment: (moment: number) => Promise<void> | void = () => {}) {
  let moments = 0;
  const around: Around = async (_name, call) => {
    await atMoment((moments += 1));
    return call();
  };
  const { tasks, runs, run_queue, cancel_requests } = collections;
  const queued = new QueuedRuns({
    collections: {
      ...collections,
      tasks: watched(tasks, around),
      runs: watched(runs, around),
      run_queue: watched(run_queue, around),
      cancel_requests: watched(cancel_requests, around),
    },
    api: watched(api, around),
    clock: { ...systemClock, now: () => NOW },
    log,
  });
  return { pass: async () => queued.run(ending.signal), moments: () => moments };
}

/** Makes a pass in a process that is killed at a moment. @returns whether the pass ended before */
async function passUntil(
  killedAt: number,
  before: (moment: number) => Promise<void> | void = () => {},
): Promise<boolean> {
  let kill = () => {};
  const killed = new Promise<false>((resolve) => {
    kill = () => resolve(false);
  });
  const process = leader(async (moment) => {
    if (moment < killedAt) return before(moment);
    kill();
    await new Promise(() => {});
  });
  return Promise.race([process.pass().then(() => true), killed]);
}

async function passes(count = 1): Promise<void> {
  const process = leader();
  for (let number = 1; number <= count; number += 1) await process.pass();
}

const ADMIN = { scope: 'admin', caller: 'key test' } as const;
const dependencies = () => ({
  tasks: new TaskStore(collections),
  runs: new RunStore(collections),
  queue: new QueueStore(collections),
  engine: new EngineStore(collections),
  claims: new ClaimStore(collections),
  cancels: new CancelStore(collections),
  log,
  now: () => NOW,
});

async function runNow(taskId = uuid(1), payload?: unknown): Promise<string> {
  const body = { task_id: taskId, ...(payload !== undefined && { payload }) };
  await runTask(dependencies())({ body, headers: {} }, ADMIN);
  return (await collections.run_queue.find().toArray()).at(-1)?._id ?? '';
}
const cancel = async (runId: string) => cancelRun(dependencies())({ body: { runId } }, ADMIN);
const stored = async (_id: string): Promise<Partial<RunDocument>> =>
  (await collections.runs.findOne({ _id })) ?? {};
const left = async () => [
  ...(await collections.run_queue.find().toArray()),
  ...(await collections.cancel_requests.find().toArray()),
];
const sentAs = (runId: string) =>
  [...stub.runs.values()].filter(({ idempotencyKey }) => idempotencyKey === runId);

/** Expects that a run arrived exactly once, and that its reports will be stored as those of our run. */
async function expectHandedOver(runId: string): Promise<void> {
  const sent = sentAs(runId);
  expect(sent).toHaveLength(1);
  expect(await stored(runId)).toMatchObject({ engine_run_id: sent[0]?.id, unreported: true });
  expect(await stored(runId)).not.toHaveProperty('fence');
  expect(await left()).toEqual([]);
}

/** Expects that a canceled run does not execute, and is not shown as canceled while it might. */
async function expectCanceled(runId: string): Promise<void> {
  const [sent, ...others] = sentAs(runId);
  const { status, engine_run_id } = await stored(runId);
  expect(others).toEqual([]);
  expect(await left()).toEqual([]);
  if (sent) expect(sent.status).toBe('CANCELED');
  expect({ status, engine_run_id }).toEqual(
    sent && engine_run_id !== undefined
      ? { status: 'QUEUED', engine_run_id: sent.id }
      : { status: 'CANCELED', engine_run_id: undefined },
  );
}

describe('a run that a request started', () => {
  test('is QUEUED here and at Trigger.dev, which gets what the code of a scheduled task reads', async () => {
    const runId = await runNow(uuid(1), { reason: 'test' });
    const process = leader();
    await process.pass();
    await expectHandedOver(runId);
    expect(sentAs(runId)).toMatchObject([
      {
        taskIdentifier: TASK,
        tags: [`account:${ACCOUNT}`],
        payload: {
          type: 'manual',
          scheduled_at: null,
          input: { reason: 'test' },
          scheduleId: 'sched_1',
          timestamp: NOW.toISOString(),
          externalId: uuid(1),
          timezone: 'Europe/Berlin',
          upcoming: [],
        },
      },
    ]);
    expect(await stored(runId)).toMatchObject({ status: 'QUEUED' });
    await process.pass();
    expect(stub.counts.triggerRun).toBe(1);
  });

  test('of a task without a schedule has UTC and no scheduleId', async () => {
    await collections.tasks.insertOne(task(2, { enabled: false }));
    const runId = await runNow(uuid(2));
    await passes();
    expect(sentAs(runId)[0]?.payload).toEqual({
      type: 'manual',
      scheduled_at: null,
      timestamp: NOW.toISOString(),
      externalId: uuid(2),
      timezone: 'UTC',
      upcoming: [],
    });
  });

  test('does not wait for other runs of its task, and accounts take turns', async () => {
    await collections.tasks.insertOne(task(2, { account_id: OTHER_ACCOUNT }));
    for (const number of [1, 1, 1, 2, 2]) await runNow(uuid(number));
    await passes();
    const accounts = [...stub.runs.values()].map(({ tags }) => tags[0]);
    const [one, other] = [`account:${ACCOUNT}`, `account:${OTHER_ACCOUNT}`];
    expect(accounts).toEqual([one, other, one, other, one]);
  });

  test('arrives once, whatever the process does when it is killed', async () => {
    let hasEnded = false;
    for (let moment = 1; !hasEnded; moment += 1) {
      const runId = await runNow();
      hasEnded = await passUntil(moment);
      await passes();
      await expectHandedOver(runId);
    }
  });

  test('arrives once if two processes lead for a moment', async () => {
    let isOver = false;
    for (let at = 1; !isOver; at += 1) {
      const runId = await runNow();
      const process = leader(async (moment) => {
        if (moment === at) await passes();
      });
      await process.pass();
      isOver = process.moments() < at;
      await expectHandedOver(runId);
    }
  });

  test('keeps its claim while Trigger.dev fails, though another process ends claims that do not change', async () => {
    const runId = await runNow();
    stub.failing = () => 'down';
    const process = leader();
    const expiry = new Expiry({ claims: new QueueClaims(collections), runs: new RunStore(collections) });
    for (let minutes = 0; minutes < 60; minutes += 10) {
      await expect(process.pass()).rejects.toThrow('cannot be reached');
      await expiry.cancelExpired(NOW);
    }
    expect(await left()).toMatchObject([{ _id: runId, owner: 'trigger', fence: 1 }]);
  });

  test.each([
    [404, 'Trigger.dev replied with 404: Task not found'],
    [422, 'Trigger.dev replied with 422: Internal Server Error'],
  ])('that Trigger.dev refuses with %d is FAILED', async (status, reason) => {
    stub.tasks.clear();
    stub.failing = () => (status === 404 ? undefined : status);
    const runId = await runNow();
    await passes();
    const { error, ...run } = await stored(runId);
    expect(run).toMatchObject({ status: 'FAILED', finishedAt: NOW });
    expect(error).toEqual({ name: 'NotDelivered', message: expect.stringContaining(reason) });
    expect(await left()).toEqual([]);
  });

  test.each([500, 401, 'down'] as const)('stays QUEUED while Trigger.dev fails with %s', async (failure) => {
    const runId = await runNow();
    stub.failing = () => failure;
    const process = leader();
    await expect(process.pass()).rejects.toThrow('Trigger.dev');
    expect(await stored(runId)).toMatchObject({ status: 'QUEUED' });
    stub.failing = () => undefined;
    await process.pass();
    await expectHandedOver(runId);
  });
});

describe('a request to cancel a run', () => {
  test('before the hand-over keeps it from Trigger.dev', async () => {
    const runId = await runNow();
    await cancel(runId);
    await passes();
    expect(stub.calls).toBe(0);
    await expectCanceled(runId);
  });

  test('after the hand-over cancels it there', async () => {
    const runId = await runNow();
    await passes();
    await cancel(runId);
    await passes();
    expect(sentAs(runId)).toMatchObject([{ status: 'CANCELED' }]);
    await expectCanceled(runId);
  });

  test('at any moment of the hand-over cancels it', async () => {
    let isOver = false;
    for (let at = 1; !isOver; at += 1) {
      const runId = await runNow();
      const process = leader(async (moment) => {
        if (moment === at) await cancel(runId);
      });
      await process.pass();
      isOver = process.moments() < at;
      if (isOver) await cancel(runId);
      await passes();
      await expectCanceled(runId);
    }
  });

  test('at any moment cancels it, though a second process leads and ends its pass first', async () => {
    let isOver = false;
    for (let at = 1; !isOver; at += 1) {
      const runId = await runNow();
      const process = leader(async (moment) => {
        if (moment !== at) return;
        await cancel(runId);
        await passes();
      });
      await process.pass();
      isOver = process.moments() < at;
      if (isOver) await cancel(runId);
      await passes();
      await expectCanceled(runId);
    }
  });

  test('cancels a run whose hand-over died at any moment', async () => {
    let hasEnded = false;
    for (let moment = 1; !hasEnded; moment += 1) {
      const runId = await runNow();
      hasEnded = await passUntil(moment);
      await cancel(runId);
      await passes(2);
      await expectCanceled(runId);
    }
  });

  test('at any moment cancels it, though the process is killed at a later one', async () => {
    let isOver = false;
    for (let cancelAt = 1; !isOver; cancelAt += 1) {
      let hasEnded = false;
      for (let killedAt = cancelAt + 1; !hasEnded; killedAt += 1) {
        const runId = await runNow();
        isOver = true;
        hasEnded = await passUntil(killedAt, async (moment) => {
          if (moment !== cancelAt) return;
          isOver = false;
          await cancel(runId);
        });
        if (isOver) await cancel(runId);
        await passes(2);
        await expectCanceled(runId);
      }
    }
  });

  test('cancels a run whose reply was lost', async () => {
    const runId = await runNow();
    const process = leader();
    stub.failing = (kind) => (kind === 'triggerRun' ? 'down' : undefined);
    await expect(process.pass()).rejects.toThrow('cannot be reached');
    // Trigger.dev has it all the same.
    stub.addRun({ idempotencyKey: runId, status: 'EXECUTING' });
    await cancel(runId);
    expect(await stored(runId)).toMatchObject({ status: 'QUEUED' });
    stub.failing = () => undefined;
    await process.pass();
    expect(stub.counts.triggerRun).toBe(2);
    await expectCanceled(runId);
  });

  test('is sent until Trigger.dev receives it, and dropped if it refuses', async () => {
    const runId = await runNow();
    await passes();
    await cancel(runId);
    stub.failing = () => 'down';
    await expect(passes()).rejects.toThrow('cannot be reached');
    expect(await left()).toHaveLength(1);
    stub.failing = () => undefined;
    stub.runs.clear();
    await passes();
    expect(await left()).toEqual([]);
  });

  test('that fails for one run delays only this run', async () => {
    const [bad, good] = [await runNow(), await runNow()];
    await passes();
    for (const runId of [bad, good]) await cancel(runId);
    const waiting = await runNow();
    const process = leader();
    const [{ id = '' } = {}] = sentAs(bad);
    stub.failing = (kind, { url }) => (kind === 'cancelRun' && url.pathname.includes(id) ? 500 : undefined);
    await expect(process.pass()).rejects.toThrow('500');
    await expect(process.pass()).rejects.toThrow('500');
    expect(sentAs(good)).toMatchObject([{ status: 'CANCELED' }]);
    expect(sentAs(waiting)).toHaveLength(1);
    stub.failing = () => undefined;
    await process.pass();
    expect(await left()).toEqual([]);
  });
});

describe('a run that a local engine left in the queue', () => {
  const leave = async (fields: Partial<QueuedRun> = {}, run: Partial<RunDocument> = {}) => {
    const entry = queuedRun('run_left', fields);
    await collections.run_queue.insertOne(entry);
    await new RunStore(collections).addOwn(entry, NOW);
    await collections.runs.updateOne({ _id: 'run_left' }, { $set: run });
  };

  test('is handed over, also if it waits for a retry', async () => {
    await leave({ fence: 2 }, { status: 'REATTEMPTING', fence: 1 });
    await passes();
    await expectHandedOver('run_left');
    expect(sentAs('run_left')[0]?.payload).toMatchObject({
      type: 'scheduled',
      scheduled_at: NOW.toISOString(),
      timestamp: NOW.toISOString(),
      externalId: uuid(1),
    });
  });

  test.each<[string, Partial<QueuedRun>, Partial<RunDocument>, Partial<TaskDocument>, string]>([
    ['executed', { fence: 2 }, { status: 'EXECUTING', fence: 1 }, {}, 'CRASHED'],
    [
      'waits for a retry, and is to be canceled',
      { cancel: true },
      { status: 'REATTEMPTING', fence: 1 },
      {},
      'CANCELED',
    ],
    ['is due for a disabled task', {}, {}, { enabled: false }, 'CANCELED'],
    ['expired', { due_at: new Date(NOW.getTime() - 25 * HOUR) }, {}, {}, 'CANCELED'],
  ])('ends here if it %s', async (_what, entry, run, changes, status) => {
    await collections.tasks.updateOne({ _id: uuid(1) }, { $set: { ...changes, max_attempts: 3 } });
    await leave(entry, run);
    await passes();
    expect(await stored('run_left')).toMatchObject({ status });
    expect(await left()).toEqual([]);
    expect(stub.calls).toBe(0);
  });

  test('belongs to its worker while that has a claim', async () => {
    await leave({ owner: 'worker', fence: 1, slot: uuid(1) }, { status: 'EXECUTING', fence: 1 });
    await passes();
    expect(await stored('run_left')).toMatchObject({ status: 'EXECUTING' });
    expect(await left()).toHaveLength(1);
  });
});

test('runs wait for a Trigger.dev that is down for an hour, and arrive within 20 seconds of its return', async () => {
  const time = new VirtualTime();
  const clock = new ProcessClock(time, NOW);
  const away = new TriggerStub({ now: () => clock.now() });
  away.failing = () => 'down';
  jest
    .spyOn(globalThis, 'fetch')
    .mockImplementation(async (input, init) => time.during(async () => away.fetch(input, init)));
  const settings = { task: TASK, secretKey: KEY, apiUrl: away.url, prefix: 'recoup-' };
  const { signal } = ending;
  const virtual = await createTriggerClient({ settings, clock, signal });
  const parts = (tools: ConstructorParameters<typeof QueuedRuns>[0]) => [new QueuedRuns(tools)];
  const engine = startTriggerEngine({ collections, api: virtual, settings, parts, log, clock });
  const queue = new QueueStore(collections);
  for (let minute = 0; minute < 60; minute += 1) {
    const { _id, task_id, account_id, serial } = queuedRun(`run_${minute}`);
    const run = { _id, task_id, account_id, serial, trigger: 'manual', scheduled_at: null } as const;
    await queue.add({ ...run, due_at: clock.now() });
    engine.wake();
    await time.pass(60 * SECOND);
  }
  expect(engine.state().problem).toContain('Trigger.dev cannot be reached');
  expect(away.runs.size).toBe(0);
  away.failing = () => undefined;
  await time.pass(20 * SECOND);
  expect(engine.state()).toEqual({ kind: 'trigger', live: true });
  const keys = [...away.runs.values()].map(({ idempotencyKey }) => idempotencyKey);
  expect(keys.toSorted()).toEqual(Array.from({ length: 60 }, (_, minute) => `run_${minute}`).toSorted());
  expect(await collections.run_queue.estimatedDocumentCount()).toBe(0);
  const stopped = engine.stop();
  await time.pass(SECOND);
  await stopped;
});
