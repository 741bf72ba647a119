import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { listTasks } from '../../../generated/sdk.gen.ts';
import type { ListTasksData } from '../../../generated/types.gen.ts';
import { run, unseenTask as task, uuid } from '../../support/builders.ts';
import { type Service, listenOn, startService } from '../../support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const at = new Date('2026-06-01T00:00:00.000Z');
const error = {
  message: 'No answer.',
  name: 'UpstreamError',
  stackTrace: 'UpstreamError: at run (x.ts:1:1)',
};
const attempt = { id: 'attempt_1', status: 'FAILED' as const, createdAt: at, updatedAt: at, error };
const full = run(1, {
  status: 'FAILED',
  triggerFunction: 'trigger',
  startedAt: at,
  finishedAt: at,
  delayedUntil: at,
  expiredAt: null,
  idempotencyKey: 'key',
  version: '1',
  isTest: false,
  costInCents: 1,
  baseCostInCents: 0.5,
  durationMs: 1_500,
  env: { id: 'env_1', name: 'production' },
  depth: 0,
  batchId: null,
  error,
  attempts: [attempt],
  payload: { prompt: 'x' },
  output: { text: 'y' },
  metadata: { step: 'z' },
  tags: ['weekly'],
  ttl: '1h',
  schedule: { id: 'sched_1' },
  relatedRuns: { root: null },
});

beforeEach(async () => {
  const { tasks, runs } = service.collections;
  await Promise.all([tasks.deleteMany({}), runs.deleteMany({})]);
  await tasks.insertMany([task(1), task(2)]);
  await service.runs.recordRuns(uuid(1), [full, run(2)]);
  await service.db.collection('runs').updateMany({}, { $set: { secret: 'unpublished' } });
});

async function list(query: ListTasksData['query'] = {}, client = service.client) {
  const { data } = await listTasks({ client, query, throwOnError: true });
  return data.tasks;
}

const LEFT_OUT = ['payload', 'output', 'attempts', 'metadata'] as const;

test('a summary lacks five fields of each run; all else is the same', async () => {
  const expected = await list();
  expect(Object.keys(expected[1]?.recent_runs[1] ?? {}).toSorted()).toEqual(Object.keys(full).toSorted());
  for (const shown of expected.flatMap(({ recent_runs }) => recent_runs)) {
    for (const field of LEFT_OUT) delete shown[field];
    delete shown.error?.stackTrace;
  }
  expect(await list({ runs: 'summary' })).toEqual(expected);
});

test('runs=full is the default, and neither is shown in place of the other, kept or not', async () => {
  const fresh = await listenOn(service.collections, () => service.clock.now, 'none', { cacheBytes: 0 });
  try {
    const [all, summaries] = [await list({}, fresh.client), await list({ runs: 'summary' }, fresh.client)];
    expect(all[1]?.recent_runs[1]).toMatchObject({ payload: { prompt: 'x' }, error });
    expect(summaries).not.toEqual(all);
    for (let round = 0; round < 2; round += 1) {
      expect(await list()).toEqual(all);
      expect(await list({ runs: 'full' })).toEqual(all);
      expect(await list({ runs: 'summary' })).toEqual(summaries);
    }
  } finally {
    await fresh.close();
  }
});

test('an error that another tool stored as a text is null', async () => {
  await service.db.collection('runs').updateOne({ status: 'FAILED' }, { $set: { error: 'broken' } });
  const [, withRuns] = await list({ runs: 'summary' });
  expect(withRuns?.recent_runs[1]?.error).toBeNull();
});

test('does not read what it leaves out, and is kept until a run changes', async () => {
  const { started, succeeded } = service.commands;
  started.length = 0;
  succeeded.length = 0;
  const [, before] = await list({ runs: 'summary' });
  expect(started.filter(({ command }) => command.find === 'runs')).toHaveLength(1);
  const batches: unknown[] = succeeded.flatMap(({ reply }) => Object(reply).cursor?.firstBatch ?? []);
  const read = batches.map((one) => (Buffer.isBuffer(one) ? one.toString('latin1') : '')).join('');
  expect(read).toContain(error.message);
  for (const text of ['payload', 'output', 'metadata', 'attempt_1', 'account_id', 'unpublished']) {
    expect(read).not.toContain(text);
  }
  started.length = 0;
  expect((await list({ runs: 'summary' }))[1]).toEqual(before);
  expect(started.filter(({ command }) => command.find === 'runs')).toHaveLength(0);

  await service.runs.recordRuns(uuid(1), [run(2, { status: 'CANCELED', updatedAt: new Date() })]);
  expect((await list({ runs: 'summary' }))[1]?.recent_runs[0]?.status).toBe('COMPLETED');
  await service.runs.recordRuns(uuid(1), [run(3, { status: 'EXECUTING' })]);
  expect((await list({ runs: 'summary' }))[1]?.recent_runs[0]?.status).toBe('EXECUTING');
});

test('has an ETag of its own, which a run changes', async () => {
  const ask = async (query: string, etag?: string) => {
    const response = await service.request(`/api/tasks${query}`, {
      headers: { ...(etag && { 'If-None-Match': etag }) },
    });
    await response.text();
    return { status: response.status, etag: response.headers.get('etag') ?? '' };
  };
  const summary = await ask('?runs=summary');
  expect((await ask('')).etag).not.toBe(summary.etag);
  expect((await ask('?runs=summary', summary.etag)).status).toBe(304);
  await service.runs.recordRuns(uuid(2), [run(5)]);
  expect((await ask('?runs=summary', summary.etag)).status).toBe(200);
});
