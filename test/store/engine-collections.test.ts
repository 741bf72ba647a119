/** The engine's collections, as the API, the planner and the runner share them. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { EngineStore } from '../../src/store/engine-store.ts';
import { OccurrenceStore } from '../../src/store/occurrence-store.ts';
import { scheduledRunId } from '../../src/store/own-run.ts';
import { QueueClaims } from '../../src/store/queue-claims.ts';
import type { QueuedRun } from '../../src/store/queue-document.ts';
import { QueueStore } from '../../src/store/queue-store.ts';
import { RunOfTheEngine } from '../../src/store/run-store.ts';
import { ACCOUNT, OTHER_ACCOUNT, run, task, uuid } from '../support/builders.ts';
import { NOW, type Service, startService } from '../support/service.ts';

let service: Service;
let queue: QueueStore;
let occurrences: OccurrenceStore;
let engine: EngineStore;
beforeAll(async () => {
  service = await startService();
  queue = new QueueStore(service.collections);
  occurrences = new OccurrenceStore(service.collections);
  engine = new EngineStore(service.collections);
});
afterAll(() => service.close());
beforeEach(async () => {
  const { tasks, runs, run_queue, occurrences: decided, engine: engines } = service.collections;
  for (const one of [tasks, runs, run_queue, decided, engines]) await one.drop().catch(() => undefined);
  await tasks.insertOne(task(1));
});

const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000);
const queued = (id: string, fields: Partial<QueuedRun> = {}) =>
  queue.add({
    _id: id,
    task_id: uuid(1),
    account_id: ACCOUNT,
    trigger: 'manual',
    scheduled_at: null,
    due_at: NOW,
    serial: true,
    ...fields,
  });
const storedTask = () => service.collections.tasks.findOne({ _id: uuid(1) });

test('the first engine is live for 60 seconds after each renewal, and keeps its first instant', async () => {
  expect(await engine.isLive(NOW)).toBe(false);
  expect(await engine.renew('command', NOW)).toEqual({
    _id: 'engine',
    kind: 'command',
    at: NOW,
    live_since: NOW,
    first_at: NOW,
  });
  expect(await engine.isLive(later(60))).toBe(true);
  expect(await engine.isLive(later(61))).toBe(false);
  expect(await engine.renew('command', later(30))).toMatchObject({ at: later(30), first_at: NOW });
});

test('another kind of engine waits until the first one is dead', async () => {
  await engine.renew('command', NOW);
  expect(await engine.renew('url', later(60))).toBeNull();
  expect(await engine.renew('url', later(61))).toMatchObject({ kind: 'url', first_at: NOW });
  expect(await engine.renew('command', later(62))).toBeNull();
});

test('an engine is live since the first of its renewals that had no gap of more than 60 seconds', async () => {
  await engine.renew('command', NOW);
  for (const seconds of [60, 120]) {
    expect(await engine.renew('command', later(seconds))).toMatchObject({ live_since: NOW });
  }
  expect(await engine.renew('command', later(181))).toMatchObject({ live_since: later(181) });
  expect(await engine.renew('url', later(300))).toMatchObject({ live_since: later(300), first_at: NOW });
});

test('fired occurrences are kept no longer than runs', async () => {
  const decision = { task_id: uuid(1), account_id: ACCOUNT, scheduled_at: NOW };
  const days = (count: number) => later(count * 24 * 3_600);
  const store = new OccurrenceStore(service.collections, 7);
  const fired = { ...decision, outcome: 'fired', run_id: 'run_a' } as const;
  expect(await store.decide(fired, NOW)).toMatchObject({ expires_at: days(7) });
  const skipped = { ...decision, scheduled_at: later(60), outcome: 'skipped', reason: 'overlap' } as const;
  expect(await store.decide(skipped, NOW)).toMatchObject({ expires_at: days(90) });
  const long = new OccurrenceStore(service.collections, 365);
  expect(await long.decide({ ...fired, scheduled_at: later(120) }, NOW)).toMatchObject({
    expires_at: days(90),
  });
});

test('of several planners, the first decides', async () => {
  const decision = { task_id: uuid(1), account_id: ACCOUNT, scheduled_at: NOW };
  const first = await occurrences.decide({ ...decision, outcome: 'fired', run_id: 'run_a' }, NOW);
  const second = await occurrences.decide({ ...decision, outcome: 'skipped', reason: 'overlap' }, later(1));
  expect(second).toEqual(first);
  expect(first).toMatchObject({ _id: `${uuid(1)} ${NOW.toISOString()}`, expires_at: later(90 * 24 * 3_600) });
});

test('the id of a scheduled run depends on the task and the instant alone', () => {
  expect(scheduledRunId(uuid(1), NOW)).toMatch(/^run_[0-9a-f]{26}$/);
  expect(scheduledRunId(uuid(1), new Date(NOW))).toBe(scheduledRunId(uuid(1), NOW));
  expect(scheduledRunId(uuid(1), later(60))).not.toBe(scheduledRunId(uuid(1), NOW));
  expect(scheduledRunId(uuid(2), NOW)).not.toBe(scheduledRunId(uuid(1), NOW));
});

test('a run is queued once, waits in a slot of its own, and a claim that came in between keeps it queued', async () => {
  await queued('run_a');
  await service.collections.run_queue.updateOne(
    { _id: 'run_a' },
    { $set: { owner: 'w', fence: 1, slot: uuid(1) } },
  );
  await queued('run_a');
  expect(await queue.find('run_a')).toMatchObject({ owner: 'w', fence: 1, slot: uuid(1) });
  await queue.removeWaiting({ _id: 'run_a', fence: 0 });
  await queue.removeWaiting({ _id: 'run_a', fence: 1 });
  expect(await queue.find('run_a')).not.toBeNull();
  await queued('run_b');
  expect(await queue.find('run_b')).toMatchObject({ slot: 'run_b', owner: null });
  await queue.removeWaiting({ _id: 'run_b', fence: 0 });
  expect(await queue.find('run_b')).toBeNull();
});

test('manual runs overtake a scheduled run of their account for ten minutes at most', async () => {
  await queued('run_scheduled', { trigger: 'scheduled', scheduled_at: NOW, task_id: uuid(2) });
  await queued('run_soon', { due_at: later(9 * 60) });
  await queued('run_later', { due_at: later(11 * 60), task_id: uuid(3) });
  const claims = new QueueClaims(service.collections);
  const claim = async () =>
    (await claims.claimNext('worker', { after: '', excluded: [], now: later(11 * 60) }))?._id;
  expect([await claim(), await claim(), await claim()]).toEqual(['run_soon', 'run_scheduled', 'run_later']);
});

test('the queue counts what waits of a task, and what waits or executes of an account', async () => {
  await queued('run_a');
  await queued('run_b');
  await queued('run_c', { task_id: uuid(2), account_id: OTHER_ACCOUNT });
  await service.collections.run_queue.updateOne({ _id: 'run_b' }, { $set: { owner: 'w' } });
  expect(await queue.areWaiting(1, uuid(1))).toBe(true);
  expect(await queue.areWaiting(2, uuid(1))).toBe(false);
  expect(await queue.areQueued(2, ACCOUNT)).toBe(true);
  expect(await queue.areQueued(3, ACCOUNT)).toBe(false);
});

test('a run of the engine is added once, and its task points to it', async () => {
  const entry = await queued('run_a', { input: { n: 1 } });
  await service.runs.addOwn(entry, NOW);
  await service.runs.addOwn(entry, later(5));
  expect(await service.runs.findOwn('run_a')).toEqual({
    _id: 'run_a',
    task_id: uuid(1),
    account_id: ACCOUNT,
    fence: 0,
    status: 'QUEUED',
    taskIdentifier: 'recoup-task',
    createdAt: NOW,
    updatedAt: NOW,
    startedAt: null,
    finishedAt: null,
    idempotencyKey: 'run_a',
    payload: { type: 'manual', scheduled_at: null, input: { n: 1 } },
  });
  expect(await storedTask()).toMatchObject({
    recent_runs: [{ id: 'run_a', createdAt: NOW }],
    recording: [],
    version: 3,
  });
});

test('a later claim excludes earlier ones, and a final run is never changed', async () => {
  const entry = await queued('run_a');
  await service.runs.addOwn(entry, NOW);
  const write = (fence: number, changes: Parameters<Service['runs']['writeOwn']>[1], now: Date) =>
    service.runs.writeOwn({ ...entry, fence }, changes, now);
  expect(await write(2, { status: 'EXECUTING', startedAt: later(1) }, later(1))).toMatchObject({
    status: 'EXECUTING',
    fence: 2,
    updatedAt: later(1),
  });
  const { version } = (await storedTask()) ?? {};
  expect(await write(1, { status: 'CANCELED' }, later(2))).toBeNull();
  expect(await write(2, { status: 'COMPLETED', output: { n: 2 } }, NOW)).toMatchObject({
    status: 'COMPLETED',
    output: { n: 2 },
    startedAt: later(1),
    // The clock went back; the run does not.
    updatedAt: new Date(later(1).getTime() + 1),
  });
  expect(await storedTask()).toMatchObject({ version: Number(version) + 2, recording: [] });
  expect(await write(3, { status: 'FAILED' }, later(9))).toBeNull();
  expect(await service.runs.findOwn('run_a')).toMatchObject({ status: 'COMPLETED', fence: 2 });
});

test('a run of a deleted task is still written', async () => {
  const entry = await queued('run_a');
  await service.collections.tasks.deleteOne({ _id: uuid(1) });
  await service.runs.addOwn(entry, NOW);
  expect(await service.runs.writeOwn(entry, { status: 'CANCELED' }, NOW)).toMatchObject({
    status: 'CANCELED',
    account_id: ACCOUNT,
  });
});

test('no report changes a run of the engine, and the engine does not write runs that others report', async () => {
  const entry = await queued(run(1).id);
  await service.runs.addOwn(entry, NOW);
  const report = service.runs.recordRuns(uuid(1), [run(1, { updatedAt: later(60) })]);
  await expect(report).rejects.toThrow(RunOfTheEngine);
  expect(await service.runs.findOwn(run(1).id)).toMatchObject({ status: 'QUEUED' });

  await service.runs.recordRuns(uuid(1), [run(2, { status: 'QUEUED' })]);
  const other = await queued(run(2).id, { fence: 5 });
  await service.runs.addOwn(other, NOW);
  expect(await service.runs.findOwn(run(2).id)).toBeNull();
  expect(await service.runs.writeOwn(other, { status: 'CANCELED' }, NOW)).toBeNull();
});
