import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { listOccurrences } from '../../../generated/sdk.gen.ts';
import type { ListOccurrencesData } from '../../../generated/types.gen.ts';
import { type Decision, OccurrenceStore } from '../../../src/store/occurrence-store.ts';
import { ACCOUNT, OTHER_ACCOUNT, uuid } from '../../support/builders.ts';
import { NOW, type Service, startService } from '../../support/service.ts';

let service: Service;
let key: string;
let otherKey: string;
const hours = (count: number) => new Date(NOW.getTime() - count * 3_600_000);
const decisions: Decision[] = [
  { task_id: uuid(1), account_id: ACCOUNT, scheduled_at: hours(1), outcome: 'fired', run_id: 'run_a' },
  { task_id: uuid(1), account_id: ACCOUNT, scheduled_at: hours(2), outcome: 'skipped', reason: 'overlap' },
  { task_id: uuid(2), account_id: ACCOUNT, scheduled_at: hours(2), outcome: 'fired', run_id: 'run_b' },
  { task_id: uuid(3), account_id: OTHER_ACCOUNT, scheduled_at: hours(3), outcome: 'fired', run_id: 'run_c' },
  {
    task_id: uuid(1),
    account_id: ACCOUNT,
    scheduled_at: hours(48),
    outcome: 'missed',
    reason: 'late',
    last_scheduled_at: hours(24),
    count: 25,
  },
  { task_id: uuid(1), account_id: ACCOUNT, scheduled_at: hours(168), outcome: 'fired', run_id: 'run_d' },
  { task_id: uuid(1), account_id: ACCOUNT, scheduled_at: hours(169), outcome: 'fired', run_id: 'run_e' },
];
beforeAll(async () => {
  service = await startService('required');
  const store = new OccurrenceStore(service.collections);
  for (const decision of decisions.toReversed()) await store.decide(decision, NOW);
  key = (await service.keys.create({ name: 'admin', scope: 'admin' }, NOW)).key;
  otherKey = (await service.keys.create({ name: 'other', accountId: OTHER_ACCOUNT }, NOW)).key;
});
afterAll(() => service.close());

const list = async (query: ListOccurrencesData['query'] = {}, as = key) =>
  listOccurrences({ client: service.client, headers: { 'x-api-key': as }, query });
/** Which of the decisions above a listing shows, by their places. */
async function shown(query: ListOccurrencesData['query'] = {}, as = key) {
  const { data } = await list(query, as);
  return data?.occurrences.map(({ task_id, scheduled_at }) =>
    decisions.findIndex((one) => one.task_id === task_id && one.scheduled_at.toISOString() === scheduled_at),
  );
}

describe('200', () => {
  test('shows each occurrence of the last seven days, newest first', async () => {
    const { data } = await list();
    expect(data).toEqual({
      status: 'success',
      occurrences: [
        { task_id: uuid(1), scheduled_at: hours(1).toISOString(), outcome: 'fired', run_id: 'run_a' },
        { task_id: uuid(1), scheduled_at: hours(2).toISOString(), outcome: 'skipped', reason: 'overlap' },
        { task_id: uuid(2), scheduled_at: hours(2).toISOString(), outcome: 'fired', run_id: 'run_b' },
        { task_id: uuid(3), scheduled_at: hours(3).toISOString(), outcome: 'fired', run_id: 'run_c' },
        {
          task_id: uuid(1),
          scheduled_at: hours(48).toISOString(),
          outcome: 'missed',
          reason: 'late',
          last_scheduled_at: hours(24).toISOString(),
          count: 25,
        },
        { task_id: uuid(1), scheduled_at: hours(168).toISOString(), outcome: 'fired', run_id: 'run_d' },
      ],
    });
  });

  test.each<[ListOccurrencesData['query'], number[]]>([
    [{ task_id: uuid(1) }, [0, 1, 4, 5]],
    [{ task_id: uuid(404) }, []],
    [{ account_id: OTHER_ACCOUNT }, [3]],
    [{ account_id: ACCOUNT, task_id: uuid(2) }, [2]],
    [{ account_id: ACCOUNT, task_id: uuid(3) }, []],
    [{ outcome: 'skipped' }, [1]],
    [{ outcome: 'missed', task_id: uuid(1) }, [4]],
    [{ from: hours(2).toISOString() }, [0, 1, 2]],
    [{ from: hours(1_000).toISOString(), to: hours(48).toISOString() }, [5, 6]],
    [{ to: hours(200).toISOString() }, []],
  ])('has what matches %j', async (query, expected) => {
    expect(await shown(query)).toEqual(expected);
  });

  test.each([1, 2, 3, 4])('has every occurrence on exactly one page of %d', async (limit) => {
    const found: unknown[] = [];
    let cursor: string | undefined;
    do {
      const { data } = await list({ limit, cursor });
      expect(data?.occurrences.length).toBeLessThanOrEqual(limit);
      found.push(...(data?.occurrences ?? []));
      cursor = data?.next_cursor;
    } while (cursor !== undefined);
    expect(found).toEqual((await list()).data?.occurrences);
  });

  test('shows an account key its own account only', async () => {
    expect(await shown({}, otherKey)).toEqual([3]);
    expect(await shown({ task_id: uuid(1) }, otherKey)).toEqual([]);
    expect(await shown({ task_id: uuid(3), account_id: OTHER_ACCOUNT.toUpperCase() }, otherKey)).toEqual([3]);
  });

  test("reads one occurrence of another account's task, not its history", async () => {
    const { started } = service.commands;
    const before = started.length;
    await list({ task_id: uuid(1) }, otherKey);
    const finds = started.slice(before).filter(({ command }) => command.find === 'occurrences');
    expect(finds.map(({ command }) => command.limit)).toEqual([1]);
  });
});

test.each([
  ['limit=0', 'invalid_parameter'],
  ['limit=1001', 'invalid_parameter'],
  ['outcome=lost', 'invalid_parameter'],
  ['from=yesterday', 'invalid_parameter'],
  ['status=fired', 'unknown_parameter'],
  ['cursor=abc', 'invalid_cursor'],
])('400: the query %s is refused', async (query, expected) => {
  const response = await service.request(`/api/tasks/occurrences?${query}`, {
    headers: { 'x-api-key': key },
  });
  const { code, occurrences } = await response.json();
  expect([response.status, code, occurrences]).toEqual([400, expected, []]);
});

test('400: a cursor belongs to its filters', async () => {
  const { data } = await list({ limit: 1, task_id: uuid(1) });
  const { response, error } = await list({ limit: 1, task_id: uuid(2), cursor: data?.next_cursor });
  expect([response.status, error?.code]).toEqual([400, 'invalid_cursor']);
  expect(error?.error).toContain('task_id, account_id, outcome, from and to');
});

test('403: an account key names another account', async () => {
  const { response, error } = await list({ account_id: ACCOUNT }, otherKey);
  expect([response.status, error?.code, error?.occurrences]).toEqual([403, 'account_forbidden', []]);
});
