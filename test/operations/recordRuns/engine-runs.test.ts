/**
 * Runs as the official Trigger.dev SDK returns them: made at random, passed through the schemas by which the SDK itself reads
 * replies, and recorded as they are. PROPERTY_SEED repeats a failure (fast-check prints the seed), PROPERTY_RUNS looks further.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  AttemptStatus,
  ListRunResponseItem,
  RetrieveRunResponse,
  RunStatus,
  SerializedError,
} from '@trigger.dev/core/v3/schemas';
import fc from 'fast-check';
import { listRuns, recordRuns } from '../../../generated/sdk.gen.ts';
import type { ReportedRunStatus, RunReport } from '../../../generated/types.gen.ts';
import { loadSpec } from '../../../src/http/request/spec.ts';
import { finalStatuses } from '../../../src/store/run-status.ts';
import { task, uuid } from '../../support/builders.ts';
import { at, isObject, type JsonObject } from '../../support/json.ts';
import { type Service, startService } from '../../support/service.ts';
import { listed, retrieved, wire } from '../../support/trigger-runs.ts';

const { document } = loadSpec();
const RUNS = Number(process.env.PROPERTY_RUNS ?? 20);
const TIMEOUT_MS = Math.max(120_000, RUNS * 1_000);
const settings = { numRuns: RUNS, seed: Number(process.env.PROPERTY_SEED ?? 20_261_126) };

let service: Service;
beforeAll(async () => {
  service = await startService();
  await service.collections.tasks.insertOne(task(1));
});
afterAll(() => service.close());
beforeEach(() => service.collections.runs.deleteMany({}));

const propertiesOf = (schema: string) =>
  Object.keys(Object(at(document, 'components', 'schemas', schema, 'properties')));

async function put(runs: unknown[], task_id = uuid(1)) {
  const response = await service.request('/api/tasks/runs', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ task_id, runs }),
  });
  const body = await response.json();
  return { ...body, httpStatus: response.status };
}

async function read(runId: string): Promise<JsonObject> {
  const { data } = await listRuns({ client: service.client, query: { runId }, throwOnError: true });
  const { task_id: _task, title: _title, ...run } = wire(data.runs[0]);
  return run;
}

/** What `runs.retrieve` of the SDK returns, whose schema drops `attempts`, and what the server sends, with them. */
const sdkRun = retrieved.map((run) => wire(RetrieveRunResponse.parse(wire(run))));
const serverRun = retrieved.map((run): JsonObject => {
  RetrieveRunResponse.parse(wire(run));
  return { ...wire(run), attempts: [] };
});
const listItem = listed.map((run) => wire(ListRunResponseItem.parse(wire(run))));

const RENAMED: Record<string, string> = {
  WAITING_FOR_DEPLOY: 'PENDING_VERSION',
  DEQUEUED: 'EXECUTING',
  WAITING: 'FROZEN',
  EXPIRED: 'CANCELED',
  TIMED_OUT: 'FAILED',
};
const UNLISTED = ['payload', 'output', 'error', 'attempts', 'schedule'];
const TIMED_OUT = { name: 'TimedOut', message: expect.any(String) };

/** A report as Run shows it, by the rules of the spec. */
function shown(report: JsonObject): JsonObject {
  const published = propertiesOf('Run');
  const run = Object.fromEntries(Object.entries(report).filter(([name]) => published.includes(name)));
  run.status = RENAMED[String(report.status)] ?? report.status;
  if (isObject(run.error)) {
    const { causes: _causes, ...rest } = run.error;
    run.error = rest;
  }
  if (report.status === 'EXPIRED') run.expiredAt ??= run.finishedAt ?? run.updatedAt;
  if (report.status === 'TIMED_OUT' && 'attemptCount' in report)
    run.error = { ...TIMED_OUT, ...Object(run.error) };
  return run;
}

const stepOf = (status: unknown) =>
  [['PENDING_VERSION', 'DELAYED'], ['QUEUED'], ['EXECUTING', 'REATTEMPTING', 'FROZEN']].findIndex((step) =>
    step.includes(String(status)),
  );
const isFinal = (status: unknown) => finalStatuses.some((final) => final === status);
const stepAt = (status: unknown) => (isFinal(status) ? 3 : stepOf(status));

/** A run after a report, by the rules of the spec. */
function after(run: JsonObject | undefined, report: JsonObject): JsonObject {
  const reported = shown(report);
  const isItem = !('attemptCount' in report);
  const isNews =
    !run ||
    (!(isFinal(run.status) && run.status !== reported.status) &&
      (String(reported.updatedAt) > String(run.updatedAt) ||
        (reported.updatedAt === run.updatedAt && stepAt(reported.status) >= stepAt(run.status))));
  if (!isNews) return run;
  if (!isItem) return reported;
  const kept = Object.fromEntries(
    UNLISTED.flatMap((name) => (run && name in run ? [[name, run[name]]] : [])),
  );
  const merged: JsonObject = { ...kept, ...reported };
  if (report.status === 'TIMED_OUT') merged.error ??= TIMED_OUT;
  return merged;
}

describe('the spec knows', () => {
  test.each([
    ['runs.retrieve', Object.keys(RetrieveRunResponse.shape), 'RunReport'],
    ['runs.list', Object.keys(ListRunResponseItem.shape), 'RunReport'],
    ['an error', Object.keys(SerializedError.shape), 'ReportedError'],
  ])('every field of %s', (_what, fields, schema) => {
    expect(propertiesOf(schema)).toEqual(expect.arrayContaining(fields));
  });

  test.each([
    ['a run', RunStatus.options, ['ReportedRunStatus', 'enum']],
    ['an attempt', AttemptStatus.options, ['ReportedAttempt', 'properties', 'status', 'enum']],
  ])('every status of %s', (_what, statuses, place) => {
    expect(at(document, 'components', 'schemas', ...place)).toEqual(expect.arrayContaining(statuses));
  });
});

describe('a run of the SDK', () => {
  test.each([
    ['retrieved', sdkRun],
    ['as the server sends it', serverRun],
    ['listed', listItem],
  ])(
    'is recorded unchanged, %s, without the fields that Run does not have',
    async (_what, run) => {
      await fc.assert(
        fc.asyncProperty(run, async (report) => {
          await service.collections.runs.deleteMany({});
          expect(await put([report])).toMatchObject({ httpStatus: 200 });
          expect(await read('run_1')).toEqual(after(undefined, report));
          const stored = Object.keys({ ...(await service.collections.runs.findOne({})) });
          const known = new Set([...propertiesOf('Run'), '_id', 'account_id']);
          expect(stored.filter((name) => !known.has(name))).toEqual([]);
        }),
        settings,
      );
    },
    TIMEOUT_MS,
  );

  const history = fc.array(fc.oneof(sdkRun, serverRun, listItem), { minLength: 2, maxLength: 6 });

  test(
    'applies to the result of earlier ones, one request after another',
    async () => {
      await fc.assert(
        fc.asyncProperty(history, async (reports) => {
          await service.collections.runs.deleteMany({});
          let expected: JsonObject | undefined;
          for (const report of reports) {
            expect(await put([report])).toMatchObject({ httpStatus: 200 });
            expected = after(expected, report);
            expect(await read('run_1')).toEqual(expected);
          }
        }),
        settings,
      );
    },
    TIMEOUT_MS,
  );

  test(
    'applies to others of its request in the order of age, then status',
    async () => {
      await fc.assert(
        fc.asyncProperty(history, async (reports) => {
          await service.collections.runs.deleteMany({});
          expect(await put(reports)).toMatchObject({ httpStatus: 200 });
          const sorted = reports.toSorted(
            (one, other) =>
              String(one.updatedAt).localeCompare(String(other.updatedAt)) ||
              stepAt(shown(one).status) - stepAt(shown(other).status),
          );
          expect(await read('run_1')).toEqual(sorted.reduce<JsonObject | undefined>(after, undefined));
        }),
        settings,
      );
    },
    TIMEOUT_MS,
  );
});

const report = (fields: Partial<RunReport> = {}): RunReport => ({
  id: 'run_1',
  status: 'EXECUTING',
  taskIdentifier: 'customer-prompt-task',
  createdAt: '2026-06-01T00:00:00.000Z',
  updatedAt: '2026-06-01T00:01:00.000Z',
  ...fields,
});
const later = { updatedAt: '2026-06-01T00:02:00.000Z' };
const record = async (...runs: RunReport[]) => {
  await recordRuns({ client: service.client, body: { task_id: uuid(1), runs }, throwOnError: true });
  return read('run_1');
};

test.each<[ReportedRunStatus, string]>([
  ['WAITING_FOR_DEPLOY', 'PENDING_VERSION'],
  ['DEQUEUED', 'EXECUTING'],
  ['WAITING', 'FROZEN'],
  ['EXPIRED', 'CANCELED'],
  ['TIMED_OUT', 'FAILED'],
])('%s is recorded as %s, and filtered by that', async (status, published) => {
  expect(await record(report({ status }))).toMatchObject({ status: published });
  const response = await service.request(`/api/tasks/runs?status=${published}`);
  expect((await response.json()).runs).toHaveLength(1);
});

describe('a run that expired', () => {
  test.each([
    [
      'as it says',
      { expiredAt: '2026-06-01T00:00:30.000Z', finishedAt: '2026-06-01T00:00:40.000Z' },
      '00:30',
    ],
    ['when it finished', { expiredAt: null, finishedAt: '2026-06-01T00:00:40.000Z' }, '00:40'],
    ['when it last changed', {}, '01:00'],
  ])('has expiredAt: %s', async (_what, fields, time) => {
    const expiredAt = `2026-06-01T00:${time}.000Z`;
    expect(await record(report({ status: 'EXPIRED', ...fields }))).toMatchObject({ expiredAt });
  });

  test.each(['EXPIRED', 'TIMED_OUT'] as const)('or timed out has ended: %s', async (status) => {
    const ended = await record(report({ status, isCompleted: false }));
    expect(await record(report({ status: 'EXECUTING', ...later }))).toEqual(ended);
    expect(await record(report({ status: 'COMPLETED', ...later }))).toEqual(ended);
  });
});

describe('a run that timed out', () => {
  const timedOut = (fields: Partial<RunReport> = {}) => report({ status: 'TIMED_OUT', ...later, ...fields });
  const item = { isCompleted: false };
  test.each([
    ['no error', {}, TIMED_OUT],
    ['null', { error: null }, TIMED_OUT],
    [
      'an error without name',
      { error: { message: 'Max duration' } },
      { name: 'TimedOut', message: 'Max duration' },
    ],
    ['a named error', { error: { message: 'M', name: 'N' } }, { message: 'M', name: 'N' }],
  ])('with %s has an error with a name', async (_what, fields, expected) => {
    expect((await record(timedOut(fields))).error).toEqual(expected);
    await service.collections.runs.deleteMany({});
    expect((await record(timedOut({ ...item, ...fields }))).error).toEqual(expected);
  });

  const known = { message: 'Max duration', name: 'MaxDuration' };
  test.each([
    ['keeps the error that is stored', known, known],
    ['has one where none is stored', undefined, TIMED_OUT],
    ['has one where null is stored', null, TIMED_OUT],
  ])('and is listed %s', async (_what, error, expected) => {
    await record(report({ ...(error !== undefined && { error }), payload: 'kept' }));
    for (const _ of [1, 2]) {
      expect(await record(timedOut(item))).toMatchObject({
        error: expected,
        payload: 'kept',
        status: 'FAILED',
      });
    }
    await service.collections.runs.deleteMany({});
    const together = await record(report({ error, payload: 'kept' }), timedOut(item));
    expect(together).toMatchObject({ error: expected, payload: 'kept' });
  });

  test.each([
    ['no run is stored', undefined],
    ['none is stored', null],
    ['one is stored', known],
  ])('and is listed takes one update where %s, also if it is repeated', async (_what, error) => {
    if (error !== undefined) await record(report({ error }));
    for (const _ of [1, 2]) {
      service.commands.started.length = 0;
      await record(timedOut(item));
      const updated = service.commands.started.map(({ command }) => command.update);
      expect(updated.filter((name) => name === 'runs')).toHaveLength(1);
    }
  });

  test('leaves no mark on its task if an error is stored', async () => {
    await record(report({ error: known }));
    await record(timedOut(item));
    expect(await service.collections.tasks.findOne({ _id: uuid(1) })).toMatchObject({ recording: [] });
  });
});

describe('an item of runs.list', () => {
  const DETAILS = {
    payload: { a: 1 },
    output: [1],
    error: { message: 'no' },
    attempts: [],
    schedule: { id: 'sched_1' },
  };
  const OTHERS = { metadata: { step: 1 }, depth: 1, batchId: 'batch_1', tags: ['a'] };
  const known = report({ ...DETAILS, ...OTHERS });

  test('leaves the details unchanged, and removes anything else that it does not name', async () => {
    await record(known);
    const { updatedAt: _at, ...fields } = report();
    expect(await record(report({ ...later, isCompleted: true }))).toEqual({
      ...fields,
      ...later,
      ...DETAILS,
    });
  });

  test('changes the details that it names', async () => {
    await record(known);
    const named = { payload: null, output: 'new', schedule: null };
    expect(await record(report({ ...later, isCompleted: true, ...named }))).toMatchObject({
      ...DETAILS,
      ...named,
    });
  });

  test.each([
    ['with attempts', { isCompleted: true, attempts: [] }, { attempts: [] }],
    ['with attemptCount', { isCompleted: true, attemptCount: 0 }, {}],
    ['without isCompleted', { isSuccess: true }, {}],
  ])('is no report %s: what that does not name is gone', async (_what, fields, left) => {
    await record(known);
    expect(await record(report({ ...later, ...fields }))).toEqual({ ...report(), ...later, ...left });
  });

  test('changes nothing that is newer, nor a run of another task', async () => {
    await service.collections.tasks.insertOne(task(2));
    const stored = await record(report({ ...DETAILS, ...later }));
    expect(await record(report({ isCompleted: true, tags: ['late'] }))).toEqual(stored);
    const foreign = await put(
      [report({ isCompleted: true, updatedAt: '2026-06-02T00:00:00.000Z' })],
      uuid(2),
    );
    expect(foreign).toMatchObject({ httpStatus: 409, code: 'run_of_another_task' });
    expect(await read('run_1')).toEqual(stored);
  });

  test('shows in its task at once', async () => {
    await record(known);
    await service.request('/api/tasks');
    await record(report({ ...later, isCompleted: true, status: 'WAITING' }));
    const { tasks } = await (await service.request(`/api/tasks?id=${uuid(1)}`)).json();
    expect(tasks[0].recent_runs[0]).toMatchObject({ status: 'FROZEN', ...DETAILS });
  });
});

test.each([
  ['run', { isDone: true }, '"runs.0.isDone" is unknown'],
  ['error', { error: { message: 'no', cause: 'x' } }, '"runs.0.error.cause" is unknown'],
])('a field of its %s that the spec does not list is still an error', async (_what, fields, message) => {
  const { httpStatus, code, error: explained } = await put([{ ...report(), ...fields }]);
  expect([httpStatus, code]).toEqual([400, 'invalid_body']);
  expect(explained).toContain(message);
});
