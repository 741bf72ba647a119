import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { listTasks, recordRuns, updateTask } from '../../../generated/sdk.gen.ts';
import type { ListTasksData, RunStatus } from '../../../generated/types.gen.ts';
import type { RunRecord } from '../../../src/store/run-document.ts';
import { RunStore } from '../../../src/store/run-store.ts';
import { OTHER_ACCOUNT, run, unseenTask as task, uuid } from '../../support/builders.ts';
import { type Service, startService } from '../../support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

async function clear(): Promise<void> {
  const { tasks, runs } = service.collections;
  await Promise.all([tasks.deleteMany({}), runs.deleteMany({})]);
}

type Query = ListTasksData['query'];

async function list(query: Query) {
  const { data } = await listTasks({ client: service.client, query, throwOnError: true });
  return data;
}
const idsOf = async (query: Query) => (await list(query)).tasks.map(({ id }) => id);

/** All pages, as the ids of each. */
async function pagesOf(query: Query) {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const { tasks, next_cursor } = await list({ ...query, cursor });
    pages.push(tasks.map(({ id }) => id));
    cursor = next_cursor;
  } while (cursor !== undefined);
  return pages;
}

const ran = (number: number, status: RunStatus, fields: Partial<RunRecord> = {}) =>
  service.runs.recordRuns(uuid(number), [run(number, { status, ...fields })]);

async function refusal(query: Query) {
  const { error, response } = await listTasks({ client: service.client, query });
  return { status: response?.status, code: error?.code, error: error?.error };
}

describe('q', () => {
  const texts: [title: string, prompt: string][] = [
    ['Weekly report', 'Summarize the week.'],
    ['Straßenfest', 'Write about ÉTÉ and ΑΘΗΝΑ. 100% (really)'],
    ['Nothing', 'A REPORT of the weekend.'],
  ];
  beforeEach(async () => {
    await clear();
    await service.collections.tasks.insertMany(
      texts.map(([title, prompt], at) => task(at + 1, { title, prompt })),
    );
  });

  test.each([
    ['report', [3, 1]],
    ['Week REPORT', [3, 1]],
    ['  week   report ', [3, 1]],
    ['weekly  report', [1]],
    ['weekly weekend', []],
    ['straße', [2]],
    ['STRASSE', []],
    ['été', [2]],
    ['ete', []],
    ['αθηνα', [2]],
    ['100%', [2]],
    ['(really)', [2]],
    ['.*', []],
    ['week.', [1]],
    ['we[e]k', []],
    ['\\w', []],
    ['$', []],
  ])('%j finds what has all of its words, as they are, in the title or the prompt', async (q, found) => {
    expect(await idsOf({ q })).toEqual(found.map(uuid));
    expect(await idsOf({ q, limit: 10 })).toEqual(found.map(uuid));
  });

  test('all other filters apply too', async () => {
    await service.collections.tasks.insertOne(task(4, { title: 'Report', account_id: OTHER_ACCOUNT }));
    await updateTask({ client: service.client, body: { id: uuid(1), enabled: false } });
    expect(await idsOf({ q: 'report', enabled: true })).toEqual([4, 3].map(uuid));
    expect(await idsOf({ q: 'report', account_id: OTHER_ACCOUNT })).toEqual([uuid(4)]);
    expect(await idsOf({ q: 'report', id: uuid(3) })).toEqual([uuid(3)]);
  });

  test('a changed text is found at once, and the old one no longer', async () => {
    expect(await idsOf({ q: 'nothing' })).toEqual([uuid(3)]);
    await updateTask({ client: service.client, body: { id: uuid(3), title: 'Something' } });
    expect([await idsOf({ q: 'nothing' }), await idsOf({ q: 'something' })]).toEqual([[], [uuid(3)]]);
  });

  test.each(['   ', 'a b c d e f g h i'])(
    '%j is refused, and told how many words there may be',
    async (q) => {
      expect(await refusal({ q })).toEqual({
        status: 400,
        code: 'invalid_parameter',
        error: 'Query parameter "q" must be 1 to 8 words separated by spaces, 200 characters together.',
      });
    },
  );

  test('a text of another type, by another tool, matches nothing and breaks nothing', async () => {
    await service.db
      .collection('tasks')
      .updateMany({ title: { $in: ['Nothing', 'Weekly report'] } }, { $set: { title: 7, prompt: null } });
    expect(await idsOf({ q: 'été' })).toEqual([uuid(2)]);
  });
});

test('a search has a time limit in the database', async () => {
  service.commands.started.length = 0;
  expect((await service.request('/api/tasks?q=needle&limit=1')).status).toBe(200);
  const limits = service.commands.started.map(({ command }) => command.maxTimeMS);
  expect(limits).toContain(2_000);
});

describe('last_status', () => {
  beforeEach(async () => {
    await clear();
    await service.collections.tasks.insertMany([1, 2, 3, 4].map((number) => task(number)));
    await service.runs.recordRuns(uuid(1), [run(1, { status: 'FAILED' }), run(11)]);
    await service.runs.recordRuns(uuid(2), [run(2), run(12, { status: 'FAILED' })]);
    await ran(3, 'CRASHED');
  });

  test('is of the newest run alone', async () => {
    expect(await idsOf({ last_status: ['FAILED'] })).toEqual([uuid(2)]);
    expect(await idsOf({ last_status: ['COMPLETED'] })).toEqual([uuid(1)]);
    expect(await idsOf({ last_status: ['FAILED', 'CRASHED'] })).toEqual([3, 2].map(uuid));
    expect(await idsOf({ last_status: ['QUEUED'], limit: 5 })).toEqual([]);
  });

  test('takes a list with commas and a repeated parameter alike', async () => {
    for (const query of ['last_status=FAILED,CRASHED', 'last_status=CRASHED&last_status=FAILED']) {
      const response = await service.request(`/api/tasks?${query}`);
      const { tasks } = await response.json();
      expect(tasks.map(({ id }: { id: string }) => id)).toEqual([3, 2].map(uuid));
    }
    expect((await service.request('/api/tasks?last_status=BROKEN')).status).toBe(400);
  });

  test('follows a new run, and a new status of a run, at once', async () => {
    await ran(4, 'EXECUTING');
    expect(await idsOf({ last_status: ['EXECUTING'] })).toEqual([uuid(4)]);
    await ran(4, 'FAILED', { updatedAt: new Date('2026-11-02T00:00:00Z') });
    expect(await idsOf({ last_status: ['EXECUTING'] })).toEqual([]);
    expect(await idsOf({ last_status: ['FAILED'] })).toEqual([4, 2].map(uuid));
    await recordRuns({
      client: service.client,
      body: {
        task_id: uuid(2),
        runs: [
          {
            id: 'run_later',
            status: 'COMPLETED',
            taskIdentifier: 'x',
            createdAt: '2026-11-01T00:00:00Z',
            updatedAt: '2026-11-01T00:00:00Z',
          },
        ],
      },
    });
    expect(await idsOf({ last_status: ['FAILED'] })).toEqual([uuid(4)]);
  });

  test('is of the newest run that exists, as recent_runs', async () => {
    await service.collections.runs.deleteOne({ _id: run(12).id });
    await service.collections.tasks.updateOne({ _id: uuid(2) }, { $inc: { version: 1 } });
    const { tasks } = await list({ last_status: ['COMPLETED'] });
    expect(tasks.map(({ recent_runs }) => recent_runs[0]?.id)).toEqual([run(2).id, run(11).id]);
    expect(await idsOf({ last_status: ['FAILED'] })).toEqual([]);
  });

  test('a run that changes while it is searched is returned only if it matches as returned', async () => {
    const findStates = RunStore.prototype.findStates;
    const raced = async function (this: RunStore, ids: string[]) {
      const found = await findStates.call(this, ids);
      await service.runs.recordRuns(uuid(2), [run(20)]);
      return found;
    };
    RunStore.prototype.findStates = raced;
    try {
      const { tasks } = await list({ last_status: ['FAILED', 'CRASHED'] });
      expect(tasks.map(({ id, recent_runs }) => [id, recent_runs[0]?.status])).toEqual([
        [uuid(3), 'CRASHED'],
      ]);
    } finally {
      RunStore.prototype.findStates = findStates;
    }
  });
});

describe('pages of a search', () => {
  const COUNT = 2_300;
  /** Those that match, from the newest: the first page finds three in its thousand, the second none. */
  const MATCHING = [2_200, 2_100, 1_400, 150, 0];

  beforeAll(async () => {
    await clear();
    const numbers = Array.from({ length: COUNT }, (_, number) => number);
    await service.collections.tasks.insertMany(
      numbers.map((number) =>
        MATCHING.includes(number)
          ? task(number, { title: 'A needle', recent_runs: [{ id: run(number).id, createdAt: new Date() }] })
          : task(number),
      ),
    );
    await service.collections.runs.insertMany(
      MATCHING.map((number) => {
        const { id: _id, ...fields } = run(number, { status: 'FAILED' });
        return { ...fields, _id, task_id: uuid(number), account_id: uuid(9) };
      }),
    );
  });

  test('are whole together, search a thousand tasks each, and say that more follow', async () => {
    const expected = [[2_200, 2_100, 1_400], [], [150, 0]].map((page) => page.map(uuid));
    const searches: Query[] = [
      { q: 'needle' },
      { last_status: ['FAILED'] },
      { q: 'needle', last_status: ['FAILED'] },
    ];
    for (const query of searches) {
      expect(await pagesOf({ ...query, limit: 5 })).toEqual(expected);
    }
    expect(await pagesOf({ q: 'needle', limit: 2 })).toEqual(
      [[2_200, 2_100], [1_400], [150], [0]].map((page) => page.map(uuid)),
    );
    expect(await pagesOf({ q: 'needle', limit: 1 })).toHaveLength(5);
  });

  test('without limit, every task is searched, and the reply is the whole', async () => {
    const query = { q: 'needle', last_status: ['FAILED'], runs: 'summary' } satisfies Query;
    expect(await idsOf(query)).toEqual(MATCHING.map(uuid));
  });

  test('have a cursor for this search alone', async () => {
    const { next_cursor: cursor } = await list({ q: 'needle', limit: 1 });
    expect(await list({ q: 'needle', limit: 1, cursor })).toMatchObject({ tasks: [{ id: uuid(2_100) }] });
    const others: Query[] = [
      {},
      { q: 'needles' },
      { q: 'needle', last_status: ['FAILED'] },
      { q: 'needle', runs: 'summary' },
    ];
    for (const other of others) {
      expect(await refusal({ ...other, limit: 1, cursor })).toEqual({
        status: 400,
        code: 'invalid_cursor',
        error:
          'Query parameter "cursor" comes from a listing with other filters. Send the same id, account_id, ' +
          'artist_account_id, enabled, q, last_status and runs as for that listing.',
      });
    }
  });

  test('cursors of earlier releases stay valid', async () => {
    const cursor = Buffer.from(
      JSON.stringify([1, 'bNjOxwb6EREN', task(2_298).created_at.getTime(), uuid(2_298)]),
    ).toString('base64url');
    expect(await idsOf({ limit: 1, cursor })).toEqual([uuid(2_297)]);
    expect(await idsOf({ limit: 1, cursor, runs: 'full' })).toEqual([uuid(2_297)]);
  });

  test('take as many round trips as a page of one task', async () => {
    const commands = async (query: Query) => {
      service.commands.started.length = 0;
      await list(query);
      return service.commands.started.map(({ commandName, command }) => `${commandName} ${command.find}`);
    };
    const query = { q: 'needle', last_status: ['FAILED'], runs: 'summary' } satisfies Query;
    const many = await commands({ ...query, limit: 1_000 });
    expect(many).toEqual(
      ['tasks', 'tasks', 'runs', 'tasks', 'runs', 'accounts'].map((name) => `find ${name}`),
    );
    // Kept: neither the tasks nor their runs are read again.
    expect(await commands({ ...query, limit: 1_000 })).toEqual(
      ['tasks', 'tasks', 'runs', 'accounts'].map((name) => `find ${name}`),
    );
    await service.collections.tasks.deleteMany({ _id: { $nin: [uuid(150), uuid(1)] } });
    await service.collections.tasks.updateMany({}, { $inc: { version: 1 } });
    expect(await commands({ ...query, limit: 1 })).toEqual(many);
  });
});
