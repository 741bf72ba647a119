import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { deleteTask, listRuns } from '../../../generated/sdk.gen.ts';
import type { ListRunsData } from '../../../generated/types.gen.ts';
import type { RunRecord } from '../../../src/store/run-document.ts';
import { ACCOUNT, OTHER_ACCOUNT, run, task, uuid } from '../../support/builders.ts';
import { type Service, startService } from '../../support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(async () => {
  await Promise.all([service.collections.tasks.deleteMany({}), service.collections.runs.deleteMany({})]);
  await service.collections.tasks.insertMany([task(1), task(2), task(3, { account_id: OTHER_ACCOUNT })]);
});

type Query = ListRunsData['query'];
async function list(query: Query = {}) {
  const { data, error } = await listRuns({ client: service.client, query });
  if (!data) throw new Error(`The listing failed: ${JSON.stringify(error)}`);
  return { ids: data.runs.map(({ id }) => id), runs: data.runs, next: data.next_cursor };
}
const refusal = async (query: string) => {
  const response = await service.request(`/api/tasks/runs?${query}`);
  return { ...(await response.json()), status: response.status };
};
const ids = (...numbers: number[]) => numbers.map((number) => run(number).id);
/** The bytes of raw documents, in which names and texts can be read. */
const textOf = (reply: unknown) =>
  JSON.stringify(reply, (_name, value) =>
    value?.type === 'Buffer' ? Buffer.from(value.data).toString('latin1') : value,
  );
const DETAILS: Partial<RunRecord> = {
  payload: { a: 1 },
  output: 'text',
  error: { message: 'no' },
  attempts: [],
  metadata: { kept: true },
};

describe('a listing of runs', () => {
  test('has the newest first, of all tasks, ties by id, the greater one first', async () => {
    const tie = { createdAt: run(3).createdAt };
    await service.runs.recordRuns(uuid(1), [run(1), run(3), run(5)]);
    await service.runs.recordRuns(uuid(2), [run(2), run(4, tie)]);
    expect((await list()).ids).toEqual(ids(5, 4, 3, 2, 1));
  });

  test('leaves out what may be large, and says which task a run is of', async () => {
    await service.runs.recordRuns(uuid(1), [run(1, DETAILS)]);
    expect((await list()).runs).toEqual([
      {
        id: run(1).id,
        task_id: uuid(1),
        title: 'Task 1',
        status: 'COMPLETED',
        taskIdentifier: 'customer-prompt-task',
        createdAt: run(1).createdAt.toISOString(),
        updatedAt: run(1).updatedAt.toISOString(),
        metadata: { kept: true },
      },
    ]);
  });

  test('does not even read that from the database', async () => {
    await service.runs.recordRuns(uuid(1), [run(1, DETAILS)]);
    service.commands.succeeded.length = 0;
    await list();
    const replies = service.commands.succeeded.map(({ reply }) => textOf(reply)).join();
    expect(replies).toContain('kept');
    expect(replies).not.toContain('payload');
  });

  test('has twenty by default, and says where to go on', async () => {
    await service.runs.recordRuns(
      uuid(1),
      Array.from({ length: 21 }, (_, at) => run(at)),
    );
    const first = await list();
    expect(first.ids).toHaveLength(20);
    expect(await list({ cursor: first.next })).toMatchObject({ ids: ids(0), next: undefined });
  });

  test('is empty where nothing matches', async () => {
    expect(await list({ account_id: uuid(99) })).toMatchObject({ ids: [], next: undefined });
  });
});

describe('the title of a run', () => {
  const titles = async (query: Query = {}) => (await list(query)).runs.map(({ title }) => title);
  beforeEach(async () => {
    for (const number of [1, 2, 3])
      await service.runs.recordRuns(uuid(number), [run(number), run(number + 3)]);
  });

  test("is its task's as it is now, in any characters", async () => {
    const title = '"quoted" \\ \u2028 \u{1f3b5}';
    await service.collections.tasks.updateOne({ _id: uuid(2) }, { $set: { title } });
    expect(await titles()).toEqual(['Task 3', title, 'Task 1', 'Task 3', title, 'Task 1']);
    expect(await titles({ runId: run(2).id })).toEqual([title]);
  });

  test('is null when the task is deleted', async () => {
    await deleteTask({ client: service.client, body: { id: uuid(2) } });
    expect(await titles()).toEqual(['Task 3', null, 'Task 1', 'Task 3', null, 'Task 1']);
    expect(await titles({ runId: run(2).id })).toEqual([null]);
  });

  test.each<[string, Query, number]>([
    ['a page of many tasks', {}, 1],
    ['a page of one', { limit: 1 }, 1],
    ['one run', { runId: run(1).id }, 1],
    ['an empty page', { status: ['CRASHED'] }, 0],
  ])('takes %s one look-up more, if any', async (_what, query, lookups) => {
    service.commands.started.length = 0;
    await list(query);
    const finds = service.commands.started.map(({ command }) => command.find);
    expect(finds).toEqual(['runs', ...Array.from({ length: lookups }, () => 'tasks')]);
  });
});

describe('filters', () => {
  beforeEach(async () => {
    await service.runs.recordRuns(uuid(1), [
      run(1),
      run(2, { status: 'FAILED' }),
      run(3, { status: 'QUEUED' }),
    ]);
    await service.runs.recordRuns(uuid(2), [run(4, { status: 'FAILED' }), run(5)]);
    await service.runs.recordRuns(uuid(3), [run(6, { status: 'CRASHED' }), run(7)]);
  });
  const at = (number: number) => run(number).createdAt.toISOString();

  test.each<[string, Query, number[]]>([
    ['account', { account_id: OTHER_ACCOUNT }, [7, 6]],
    ['account in capitals', { account_id: OTHER_ACCOUNT.toUpperCase() }, [7, 6]],
    ['task', { task_id: uuid(1) }, [3, 2, 1]],
    ['account and task that do not belong together', { account_id: ACCOUNT, task_id: uuid(3) }, []],
    ['status', { status: ['FAILED'] }, [4, 2]],
    ['several statuses', { status: ['CRASHED', 'FAILED', 'QUEUED'] }, [6, 4, 3, 2]],
    ['account and status', { account_id: ACCOUNT, status: ['COMPLETED', 'QUEUED'] }, [5, 3, 1]],
    ['task and status', { task_id: uuid(2), status: ['COMPLETED'] }, [5]],
    ['from, which is included', { from: at(6) }, [7, 6]],
    ['to, which is not', { to: at(3) }, [2, 1]],
    ['from and to', { from: at(2), to: at(4) }, [3, 2]],
    [
      'all of them',
      { account_id: ACCOUNT, task_id: uuid(1), status: ['FAILED', 'COMPLETED'], from: at(2), to: at(7) },
      [2],
    ],
  ])('by %s', async (_what, query, numbers) => {
    expect((await list(query)).ids).toEqual(ids(...numbers));
    // A page at a time, it is the same.
    const read: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list({ ...query, limit: 1, cursor });
      read.push(...page.ids);
      cursor = page.next;
    } while (cursor);
    expect(read).toEqual(ids(...numbers));
  });

  test.each([
    ['status=FAILED&status=CRASHED', [6, 4, 2]],
    ['status=FAILED,QUEUED&limit=9&status=CRASHED', [6, 4, 3, 2]],
    ['status=FAILED%2CQUEUED&status=CRASHED', [6, 4, 3, 2]],
  ])('a repeated status is the list it means: %s', async (query, numbers) => {
    const response = await service.request(`/api/tasks/runs?${query}`);
    const { runs }: { runs: { id: string }[] } = await response.json();
    expect(runs.map(({ id }) => id)).toEqual(ids(...numbers));
  });

  test('an instant may have an offset', async () => {
    const { ids: found } = await list({ from: '2026-06-01T02:06:00+02:00' });
    expect(found).toEqual(ids(7, 6));
    const unencoded = await refusal('from=2026-06-01T02:06:00+02:00');
    expect(unencoded).toMatchObject({ status: 400, code: 'invalid_parameter', runs: [] });
    expect(unencoded.error).toContain('encode "+" as %2B');
    const response = await service.request('/api/tasks/runs?from=2026-06-01T00:06:00Z&status=CRASHED,FAILED');
    expect((await response.json()).runs).toHaveLength(1);
  });
});

describe('paging', () => {
  test('by twos, with ties, reads every run once, whatever is recorded meanwhile', async () => {
    const tie = run(1).createdAt;
    const all = Array.from({ length: 9 }, (_, at) =>
      run(at, { createdAt: at < 6 ? tie : run(at).createdAt }),
    );
    await service.runs.recordRuns(uuid(1), all);
    const read: string[] = [];
    let cursor: string | undefined;
    for (let number = 0; number === 0 || cursor; number++) {
      const page = await list({ limit: 2, cursor });
      read.push(...page.ids);
      cursor = page.next;
      await service.runs.recordRuns(uuid(1), [run(100 + number)]);
    }
    expect(read).toEqual(ids(8, 7, 6, 5, 4, 3, 2, 1, 0));
  });

  test('goes on behind a run with an id of any length and characters', async () => {
    const odd = ['\u{1f3b5}'.repeat(127), '\u0001'.repeat(255), '<string>', 'a/b?c=d&e'];
    const fields = { createdAt: run(1).createdAt };
    await service.runs.recordRuns(
      uuid(1),
      odd.map((id) => run(1, { ...fields, id })),
    );
    const read: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list({ limit: 1, cursor });
      read.push(...page.ids);
      cursor = page.next;
    } while (cursor);
    expect(read.toSorted()).toEqual(odd.toSorted());
    for (const runId of odd) expect((await list({ runId })).ids).toEqual([runId]);
  });

  // Not every server can explain.
  const testEmbedded = process.env.MONGODB_URI ? test.skip : test;
  testEmbedded('reads each page from an index in its order, by each filter, however rare', async () => {
    const many = Array.from({ length: 300 }, (_, at) => run(at, at === 0 ? { status: 'FAILED' } : {}));
    for (let from = 0; from < 300; from += 100)
      await service.runs.recordRuns(uuid(1), many.slice(from, from + 100));
    const filters: Record<string, unknown>[] = [{}, { account_id: ACCOUNT }, { task_id: uuid(1) }];
    for (const filter of filters) {
      for (const query of [filter, { ...filter, status: 'FAILED' }]) {
        const plan = await service.collections.runs
          .find(query)
          .sort({ createdAt: -1, _id: -1 })
          .limit(21)
          .explain('queryPlanner');
        const text = JSON.stringify(plan);
        expect(text).toContain('IXSCAN');
        expect(text).not.toContain('"SORT"');
      }
    }
  });

  test.each([
    [
      'of other filters',
      async () => `cursor=${(await list({ limit: 1 })).next}&task_id=${uuid(1)}`,
      'other filters',
    ],
    ['beside runId', async () => `cursor=${(await list({ limit: 1 })).next}&runId=run_1`, 'runId'],
    ['of another listing', async () => 'cursor=eyJ2IjoxfQ', '"cursor" is invalid'],
  ])('a cursor %s is refused', async (_what, query, message) => {
    await service.runs.recordRuns(uuid(1), [run(1), run(2)]);
    const { status, code, error } = await refusal(await query());
    expect([status, code]).toEqual([400, 'invalid_cursor']);
    expect(error).toContain(message);
  });
});

test('one run is read of a task that is of another account, however long its history is', async () => {
  const history = Array.from({ length: 50 }, (_, at) => run(at));
  await service.runs.recordRuns(uuid(1), history);
  service.commands.started.length = 0;
  expect((await list({ task_id: uuid(1), account_id: OTHER_ACCOUNT })).ids).toEqual([]);
  const finds = service.commands.started.map(({ command }) => [command.find, command.filter, command.limit]);
  expect(finds).toEqual([['runs', { task_id: uuid(1) }, 1]]);
});

describe('runId', () => {
  test('finds the run, complete', async () => {
    await service.runs.recordRuns(uuid(1), [run(1, DETAILS), run(2)]);
    expect((await list({ runId: run(1).id })).runs).toEqual([
      {
        id: run(1).id,
        task_id: uuid(1),
        title: 'Task 1',
        status: 'COMPLETED',
        taskIdentifier: 'customer-prompt-task',
        createdAt: run(1).createdAt.toISOString(),
        updatedAt: run(1).updatedAt.toISOString(),
        ...DETAILS,
      },
    ]);
  });

  test('finds it also when its task is deleted', async () => {
    await service.runs.recordRuns(uuid(1), [run(1)]);
    await deleteTask({ client: service.client, body: { id: uuid(1) } });
    expect((await list({ runId: run(1).id, account_id: ACCOUNT })).ids).toEqual(ids(1));
  });

  test.each([
    'runId=run_nobody',
    `runId=${run(1).id}&account_id=${OTHER_ACCOUNT}`,
    `runId=${run(1).id}&status=FAILED`,
  ])('%s is 404', async (query) => {
    await service.runs.recordRuns(uuid(1), [run(1)]);
    expect(await refusal(query)).toMatchObject({ status: 404, code: 'run_not_found', runs: [] });
  });
});

test.each([
  ['limit=0', 'invalid_parameter', '"limit" must be an integer from 1 to 100'],
  ['limit=101', 'invalid_parameter', '"limit"'],
  [
    'status=DONE',
    'invalid_parameter',
    '"status" must be a comma-separated list without duplicates, each item one of PENDING_VERSION',
  ],
  ['status=FAILED,', 'invalid_parameter', '"status"'],
  ['status=FAILED,FAILED', 'invalid_parameter', 'list without duplicates'],
  ['status=FAILED&status=FAILED', 'invalid_parameter', 'list without duplicates'],
  ['status=FAILED&status=', 'invalid_parameter', '"status" is empty'],
  [
    'status=FAILED&status=DONE',
    'invalid_parameter',
    '"status" must be a comma-separated list without duplicates, each item one of PENDING_VERSION',
  ],
  ['runId=a&runId=b', 'invalid_parameter', '"runId" is given more than once'],
  ['from=yesterday', 'invalid_parameter', '"from" must be an RFC 3339 instant such as'],
  ['to=2026-02-30T00:00:00Z', 'invalid_parameter', '"to"'],
  ['runId=', 'invalid_parameter', '"runId" is empty'],
  [`runId=${'x'.repeat(256)}`, 'invalid_parameter', '"runId" must be 1 to 255 characters'],
  ['run_id=x', 'unknown_parameter', 'Allowed parameters: runId, limit, cursor'],
])('%s is refused', async (query, code, message) => {
  const refused = await refusal(query);
  expect(refused).toMatchObject({ status: 400, code, runs: [] });
  expect(refused.error).toContain(message);
});
