/** Instants with more decimals than milliseconds: which report of a run counts, and which runs a bound includes. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { listRuns, recordRuns } from '../../../generated/sdk.gen.ts';
import type { RunReport, RunStatus } from '../../../generated/types.gen.ts';
import { run, task, uuid } from '../../support/builders.ts';
import { type Service, startService } from '../../support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(async () => {
  await Promise.all([service.collections.tasks.deleteMany({}), service.collections.runs.deleteMany({})]);
  await service.collections.tasks.insertOne(task(1));
});

const settings = { numRuns: 40, seed: 20_261_126 };

const BASE_MS = Date.UTC(2026, 5, 1);

const STEPS: Record<RunStatus, number> = {
  PENDING_VERSION: 0,
  DELAYED: 0,
  QUEUED: 1,
  EXECUTING: 2,
  REATTEMPTING: 2,
  FROZEN: 2,
  COMPLETED: 3,
  CANCELED: 3,
  FAILED: 3,
  CRASHED: 3,
  INTERRUPTED: 3,
  SYSTEM_FAILURE: 3,
};
const status = fc.constantFrom(
  'PENDING_VERSION' as const,
  'DELAYED' as const,
  'QUEUED' as const,
  'EXECUTING' as const,
  'FROZEN' as const,
  'COMPLETED' as const,
  'FAILED' as const,
);

/** An instant near another, with the text of it: up to nine decimals, any offset. */
const instant = fc
  .record({
    ms: fc.integer({ min: BASE_MS - 2, max: BASE_MS + 2 }),
    beyond: fc.stringMatching(/^[09]{0,5}[05]?$/),
    offset: fc.constantFrom(0, 120, -345, 825),
  })
  .map(({ ms, beyond, offset }) => {
    const local = new Date(ms + offset * 60_000).toISOString().slice(0, -1);
    const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60].map((part) =>
      String(part).padStart(2, '0'),
    );
    const zone = offset === 0 ? 'Z' : `${offset < 0 ? '-' : '+'}${hours}:${minutes}`;
    return {
      ms,
      nanoseconds: BigInt(ms) * 1_000_000n + BigInt(beyond.padEnd(6, '0')),
      text: `${local}${beyond}${zone}`,
    };
  });

const report = (fields: Partial<RunReport>): RunReport => ({
  id: 'run_1',
  status: 'QUEUED',
  taskIdentifier: 'customer-prompt-task',
  createdAt: '2026-06-01T00:00:00Z',
  updatedAt: '2026-06-01T00:00:00Z',
  ...fields,
});
async function send(...runs: RunReport[]) {
  const { data } = await recordRuns({ client: service.client, body: { task_id: uuid(1), runs } });
  return data?.runs.map((one) => [one.id, one.status, one.version]);
}

describe('reports of one millisecond', () => {
  test.each<[string, RunStatus, string, RunStatus, string, RunStatus]>([
    ['a late report', 'EXECUTING', '.123900', 'QUEUED', '.123400', 'EXECUTING'],
    ['a step back, though it is newer', 'EXECUTING', '.123400', 'QUEUED', '.123900', 'EXECUTING'],
    ['a step forward', 'QUEUED', '.123900', 'EXECUTING', '.123400', 'EXECUTING'],
    ['an end', 'EXECUTING', '.123900', 'COMPLETED', '.123400', 'COMPLETED'],
    ['another end', 'COMPLETED', '.123', 'FAILED', '.123900', 'COMPLETED'],
    ['another status of the same step', 'EXECUTING', '.123', 'FROZEN', '.123', 'FROZEN'],
    ['a step back of a later millisecond', 'EXECUTING', '.1239', 'QUEUED', '.124', 'QUEUED'],
  ])('%s: %s at %s, then %s at %s leaves %s', async (_what, first, at, second, then, left) => {
    const one = report({ status: first, updatedAt: `2026-06-01T00:00:00${at}Z` });
    const other = report({ status: second, updatedAt: `2026-06-01T00:00:00${then}Z` });
    await send(one);
    expect(await send(other)).toEqual([['run_1', left, undefined]]);
    await service.collections.runs.deleteMany({});
    expect(await send(one, other)).toEqual([['run_1', left, undefined]]);
  });

  test('leave what the published rule says, whatever is sent, in however many requests', async () => {
    const reports = fc.array(fc.record({ id: fc.constantFrom('run_1', 'run_2'), status, at: instant }), {
      minLength: 1,
      maxLength: 8,
    });
    const property = fc.asyncProperty(reports, fc.boolean(), async (all, together) => {
      await service.collections.runs.deleteMany({});
      const sent = all.map((one, number) => ({ ...one, version: String(number) }));
      const inOrder = together
        ? sent.toSorted((one, other) => one.at.ms - other.at.ms || STEPS[one.status] - STEPS[other.status])
        : sent;
      const left = new Map<string, (typeof sent)[number]>();
      for (const one of inOrder) {
        const before = left.get(one.id);
        const isStale =
          before !== undefined &&
          (one.at.ms < before.at.ms ||
            (one.at.ms === before.at.ms && STEPS[one.status] < STEPS[before.status]) ||
            (STEPS[before.status] === 3 && one.status !== before.status));
        if (!isStale) left.set(one.id, one);
      }
      const bodies = sent.map(({ at, ...fields }) => report({ ...fields, updatedAt: at.text }));
      if (together) await send(...bodies);
      else for (const one of bodies) await send(one);
      const stored = await service.collections.runs.find().toArray();
      expect(new Map(stored.map((one) => [one._id, [one.status, one.version, one.updatedAt]]))).toEqual(
        new Map([...left].map(([id, one]) => [id, [one.status, one.version, new Date(one.at.ms)]])),
      );
    });
    await fc.assert(property, settings);
  });
});

describe('bounds of a listing', () => {
  const instants = [-2, -1, 0, 1, 2, 3].map((ms) => BASE_MS + ms);
  const list = async (query: { from?: string; to?: string }) => {
    const { data } = await listRuns({ client: service.client, query });
    return data?.runs.map(({ createdAt }) => Date.parse(createdAt)).toReversed();
  };
  const record = () =>
    service.runs.recordRuns(
      uuid(1),
      instants.map((ms, at) => run(at, { createdAt: new Date(ms) })),
    );

  test('of .0009 seconds are between .000 and .001', async () => {
    await record();
    const bound = '2026-06-01T00:00:00.0009Z';
    expect(await list({ from: bound })).toEqual(instants.slice(3));
    expect(await list({ to: bound })).toEqual(instants.slice(0, 3));
  });

  test('include exactly the instants that are not before `from` and are before `to`', async () => {
    await record();
    const property = fc.asyncProperty(instant, instant, async (from, to) => {
      expect(await list({ from: from.text, to: to.text })).toEqual(
        instants.filter((ms) => {
          const at = BigInt(ms) * 1_000_000n;
          return at >= from.nanoseconds && at < to.nanoseconds;
        }),
      );
    });
    await fc.assert(property, settings);
  });

  test.each([
    'a lower-case t: 2026-06-01t00:00:00Z',
    'a lower-case z: 2026-06-01T00:00:00z',
    'ten decimals: 2026-06-01T00:00:00.0000000001Z',
    'a leap second: 2016-12-31T23:59:60Z',
    'the year 999: 0999-06-01T00:00:00Z',
    'the year 3000: 3000-01-01T00:00:00Z',
    'an offset of a day: 2026-06-01T00:00:00+24:00',
    'no offset: 2026-06-01T00:00:00.000',
  ])('refuse %s', async (what) => {
    const [, text = ''] = what.split(': ');
    const query = new URLSearchParams({ from: text });
    const response = await service.request(`/api/tasks/runs?${query.toString()}`);
    expect([response.status, (await response.json()).code]).toEqual([400, 'invalid_parameter']);
    const { error } = await recordRuns({
      client: service.client,
      body: { task_id: uuid(1), runs: [report({ updatedAt: text })] },
    });
    expect(error?.error).toContain('"runs.0.updatedAt" must be an RFC 3339 instant');
  });

  test('reach from the first to the last year, in any offset', async () => {
    const [first, last] = ['1000-01-01T00:00:00.0001+14:00', '2999-12-31T23:59:59.999999999-12:00'];
    await send(report({ id: 'first', createdAt: first }), report({ id: 'last', createdAt: last }));
    expect(await list({ to: '1000-01-01T00:00:00Z' })).toHaveLength(1);
    expect(await list({ from: '2999-12-31T23:59:59.999999999Z' })).toHaveLength(1);
  });
});
