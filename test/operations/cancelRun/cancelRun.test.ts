import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { cancelRun, deleteTask, listTasks, updateTask } from '../../../generated/sdk.gen.ts';
import type { RunStatus } from '../../../generated/types.gen.ts';
import type { QueuedRun } from '../../../src/store/queue-document.ts';
import { ACCOUNT, OTHER_ACCOUNT, run, unseenTask, uuid } from '../../support/builders.ts';
import { liveEngine, queuedRun } from '../../support/queue.ts';
import { NOW, type Service, startService } from '../../support/service.ts';

let service: Service;
let key: string;
beforeAll(async () => {
  service = await startService('required');
  key = (await service.keys.create({ name: 'admin', scope: 'admin' }, NOW)).key;
});
afterAll(() => service.close());
beforeEach(async () => {
  service.clock.now = NOW;
  const { tasks, runs, run_queue, engine, cancel_requests } = service.collections;
  for (const one of [tasks, runs, run_queue, engine, cancel_requests]) await one.deleteMany({});
  await tasks.insertMany([unseenTask(1), unseenTask(2)]);
});

const LATER = new Date(NOW.getTime() + 4_000);
const cancel = (runId: string, as = key) =>
  cancelRun({ client: service.client, headers: { 'x-api-key': as }, body: { runId } });
/** A run in the queue, and in the history unless told otherwise. */
async function queue(id: string, fields: Partial<QueuedRun> = {}) {
  const entry = queuedRun(id, fields);
  await service.collections.run_queue.insertOne(entry);
  await service.runs.addOwn(entry, NOW);
  return entry;
}
/** As a worker that has claimed it. */
async function claim(id: string) {
  const fields = { owner: 'worker', fence: 1, slot: uuid(1) };
  await service.collections.run_queue.updateOne({ _id: id }, { $set: fields });
  return queuedRun(id, fields);
}
const entryOf = (id: string) => service.collections.run_queue.findOne({ _id: id });
const statusOf = async (id: string) => (await service.runs.findOwn(id))?.status;

describe('200', () => {
  test('a run that waits is canceled at once', async () => {
    await queue('run_a');
    service.clock.now = LATER;
    const { data } = await cancel('run_a');
    expect(data?.runs).toMatchObject([
      {
        id: 'run_a',
        task_id: uuid(1),
        status: 'CANCELED',
        updatedAt: LATER.toISOString(),
        startedAt: null,
        finishedAt: LATER.toISOString(),
      },
    ]);
    expect(await entryOf('run_a')).toBeNull();
    const { data: listed } = await listTasks({
      client: service.client,
      headers: { 'x-api-key': key },
      query: { id: uuid(1) },
    });
    expect(listed?.tasks[0]?.recent_runs).toMatchObject([{ id: 'run_a', status: 'CANCELED' }]);
  });

  test('a run whose worker has handed it over is canceled, and so is its attempt', async () => {
    const entry = await queue('run_a', { location: 'https://example.com/jobs/1' });
    const attempt = {
      id: 'attempt_1',
      status: 'EXECUTING',
      createdAt: NOW,
      updatedAt: NOW,
      startedAt: NOW,
      completedAt: null,
      error: null,
    } as const;
    await service.runs.writeOwn(entry, { status: 'EXECUTING', startedAt: NOW, attempts: [attempt] }, NOW);
    service.clock.now = LATER;
    expect((await cancel('run_a')).data?.runs[0]).toMatchObject({
      status: 'CANCELED',
      durationMs: 4_000,
      attempts: [{ id: 'attempt_1', status: 'CANCELED', completedAt: LATER.toISOString() }],
    });
  });

  test('a run that is queued and not in the history yet is canceled too', async () => {
    await service.collections.run_queue.insertMany([queuedRun('run_a'), queuedRun('run_b')]);
    await claim('run_b');
    expect((await cancel('run_a')).data?.runs[0]?.status).toBe('CANCELED');
    expect((await cancel('run_b')).data?.runs[0]?.status).toBe('QUEUED');
    expect(await entryOf('run_b')).toMatchObject({ cancel: true });
  });

  test('an executing run is marked for its worker, and stays unchanged', async () => {
    await queue('run_a');
    const claimed = await claim('run_a');
    await service.runs.writeOwn(claimed, { status: 'EXECUTING', startedAt: NOW }, NOW);
    const { data } = await cancel('run_a');
    expect(data?.runs[0]).toMatchObject({ status: 'EXECUTING', finishedAt: null });
    expect(await entryOf('run_a')).toEqual({ ...claimed, cancel: true });
  });

  test('a claim at the same moment is not undone: either the worker or the cancellation writes the run', async () => {
    const waiting = await queue('run_a');
    const claimed = await claim('run_a');
    await service.runs.writeOwn(claimed, { status: 'EXECUTING' }, NOW);
    // What a cancellation writes that had read the entry before.
    expect(await service.runs.writeOwn(waiting, { status: 'CANCELED' }, NOW)).toBeNull();
    expect(await statusOf('run_a')).toBe('EXECUTING');
  });

  test('a final run is returned unchanged, also a reported one', async () => {
    const entry = await queue('run_a');
    await service.runs.writeOwn(entry, { status: 'FAILED', finishedAt: NOW }, NOW);
    await service.collections.run_queue.deleteMany({});
    await service.runs.recordRuns(uuid(1), [run(1)]);
    service.clock.now = LATER;
    expect((await cancel('run_a')).data?.runs[0]).toMatchObject({
      status: 'FAILED',
      updatedAt: new Date(NOW.getTime() + 1).toISOString(),
    });
    expect((await cancel(run(1).id)).data?.runs[0]).toMatchObject({ status: 'COMPLETED' });
  });

  test('a canceled run is canceled once', async () => {
    await queue('run_a');
    const replies = await Promise.all([cancel('run_a'), cancel('run_a'), cancel('run_a')]);
    expect(replies.map(({ data }) => data?.runs[0]?.status)).toEqual(['CANCELED', 'CANCELED', 'CANCELED']);
    expect(await service.runs.findOwn('run_a')).toMatchObject({
      updatedAt: new Date(NOW.getTime() + 1),
    });
  });

  test('a run of a deleted task is canceled by its account', async () => {
    await queue('run_a');
    await service.collections.tasks.deleteMany({});
    const own = (await service.keys.create({ name: 'own', accountId: ACCOUNT }, NOW)).key;
    expect((await cancel('run_a', own)).data?.runs[0]?.status).toBe('CANCELED');
  });
});

test.each([
  {},
  { runId: '' },
  { runId: 'a\0' },
  { runId: '\ud800' },
  { runId: { $gt: '' } },
  { id: 'run_a' },
])('400: the body %j is refused, and nothing is canceled', async (body) => {
  await queue('run_a');
  const response = await service.request('/api/tasks/runs/cancel', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'x-api-key': key },
    body: JSON.stringify(body),
  });
  const { code, runs } = await response.json();
  expect([response.status, code, runs]).toEqual([400, 'invalid_body', []]);
  expect(await entryOf('run_a')).toEqual(queuedRun('run_a'));
});

test('404: the run does not exist, or belongs to another account and stays unchanged', async () => {
  await queue('run_a');
  await queue('run_b');
  await claim('run_b');
  await service.runs.recordRuns(uuid(1), [run(1)]);
  const other = (await service.keys.create({ name: 'other', accountId: OTHER_ACCOUNT }, NOW)).key;
  for (const id of ['run_a', 'run_b', run(1).id, 'run_x']) {
    const { response, error } = await cancel(id, other);
    expect([response.status, error?.code, error?.runs]).toEqual([404, 'run_not_found', []]);
    expect(error?.error).toBe(`There is no run ${id}.`);
  }
  expect((await cancel('run_x')).response.status).toBe(404);
  expect(await statusOf('run_a')).toBe('QUEUED');
  expect(await entryOf('run_a')).toEqual(queuedRun('run_a'));
  expect(await entryOf('run_b')).not.toHaveProperty('cancel');
});

test('409: another engine executes the run', async () => {
  await service.runs.recordRuns(uuid(1), [run(1, { status: 'EXECUTING' })]);
  await liveEngine(service.collections, NOW, 'trigger');
  const { response, error } = await cancel(run(1).id);
  expect([response.status, error?.code]).toEqual([409, 'not_cancelable']);
});

describe('a run that Trigger.dev has', () => {
  const { id } = run(1);
  const record = (status: RunStatus) =>
    service.runs.recordRuns(uuid(1), [{ ...run(1, { status }), engine_run_id: id }]);
  const requests = () => service.collections.cancel_requests.find().toArray();
  const request = {
    _id: id,
    engine_run_id: id,
    expires_at: new Date(NOW.getTime() + 24 * 3_600_000),
  };
  beforeEach(() => liveEngine(service.collections, NOW, 'trigger'));

  test('200: stays unchanged, and its cancellation is requested once', async () => {
    await record('EXECUTING');
    for (const seconds of [0, 1]) {
      service.clock.now = new Date(NOW.getTime() + seconds * 1_000);
      const { data } = await cancel(id);
      expect(data?.runs).toMatchObject([
        { id, status: 'EXECUTING', updatedAt: run(1).updatedAt.toISOString() },
      ]);
      expect(data?.runs[0]).not.toHaveProperty('engine_run_id');
    }
    expect(await requests()).toEqual([request]);
  });

  test('200: is returned as it is if it is final, and nothing is requested', async () => {
    await record('FAILED');
    expect((await cancel(id)).data?.runs[0]).toMatchObject({ id, status: 'FAILED' });
    expect(await requests()).toEqual([]);
  });

  test('200: was handed over, and its entry is still queued', async () => {
    const entry = await queue('run_a', { trigger: 'manual', scheduled_at: null });
    await service.runs.handOver(entry, 'run_trigger');
    expect((await cancel('run_a')).data?.runs[0]).toMatchObject({ id: 'run_a', status: 'QUEUED' });
    expect(await requests()).toEqual([{ ...request, _id: 'run_a', engine_run_id: 'run_trigger' }]);
  });

  test('404: is unknown to another account', async () => {
    await record('EXECUTING');
    const other = (await service.keys.create({ name: 'other', accountId: OTHER_ACCOUNT }, NOW)).key;
    const { response, error } = await cancel(id, other);
    expect([response.status, error?.code]).toEqual([404, 'run_not_found']);
    expect(await requests()).toEqual([]);
  });

  test.each([
    ['is of another kind', NOW, 'command'],
    ['is not live', new Date(NOW.getTime() - 61_000), 'trigger'],
  ])('409: cannot be canceled while the engine %s', async (_state, at, kind) => {
    await liveEngine(service.collections, at, kind);
    await record('EXECUTING');
    const { response, error } = await cancel(id);
    expect([response.status, error?.code]).toEqual([409, 'not_cancelable']);
    expect(await requests()).toEqual([]);
  });
});

describe('runs that wait are canceled', () => {
  const all = ['run_scheduled', 'run_manual', 'run_executing', 'run_other'];
  beforeEach(async () => {
    await queue('run_scheduled');
    await queue('run_manual', { trigger: 'manual', scheduled_at: null });
    await queue('run_other', { task_id: uuid(2) });
    await queue('run_executing');
    await service.runs.writeOwn(await claim('run_executing'), { status: 'EXECUTING' }, NOW);
  });
  const statuses = () => Promise.all(all.map(statusOf));
  const headers = () => ({ 'x-api-key': key });

  test('when their task is deleted; one that executes ends by itself', async () => {
    await deleteTask({ client: service.client, headers: headers(), body: { id: uuid(1) } });
    expect(await statuses()).toEqual(['CANCELED', 'CANCELED', 'EXECUTING', 'QUEUED']);
    const left = await service.collections.run_queue.find().sort({ _id: 1 }).toArray();
    expect(left.map(({ _id }) => _id)).toEqual(['run_executing', 'run_other']);
  });

  test('when their task is disabled, if its schedule made them', async () => {
    const patch = (body: { title: string } | { enabled: boolean | null }) =>
      updateTask({ client: service.client, headers: headers(), body: { id: uuid(1), ...body } });
    await patch({ title: 'New' });
    await patch({ enabled: null });
    expect(await statuses()).toEqual(['QUEUED', 'QUEUED', 'EXECUTING', 'QUEUED']);
    const { data } = await patch({ enabled: false });
    expect(await statuses()).toEqual(['CANCELED', 'QUEUED', 'EXECUTING', 'QUEUED']);
    expect(data?.tasks[0]?.enabled).toBe(false);
  });

  test('if possible: a failure is logged, and the task is deleted anyway', async () => {
    const { lines, collections } = service;
    const { run_queue } = collections;
    const find = run_queue.find.bind(run_queue);
    run_queue.find = () => {
      throw new Error('The queue is broken.');
    };
    const { response } = await deleteTask({
      client: service.client,
      headers: headers(),
      body: { id: uuid(1) },
    });
    run_queue.find = find;
    expect(response.status).toBe(200);
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: "failed to cancel a task's waiting runs", taskId: uuid(1) }),
    );
  });
});
