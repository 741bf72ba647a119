import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { importFrom } from '../../src/commands/import/run-import.ts';
import { Source, SourceFailed } from '../../src/commands/import/source.ts';
import { ACCOUNT, ARTIST, uuid } from '../support/builders.ts';
import { contentsOf, scriptedOriginal } from '../support/import-source.ts';
import { NOW, type Service, startService } from '../support/service.ts';

let target: Service;
let original: Awaited<ReturnType<typeof scriptedOriginal>>;

beforeAll(async () => {
  target = await startService();
});
afterEach(async () => {
  await original.close();
  const { tasks, runs, accounts } = target.collections;
  for (const collection of [tasks, runs, accounts]) await collection.deleteMany({});
});
afterAll(() => target.close());

const importAll = (accounts: string[] = []) =>
  importFrom(new Source(original.url, 'key'), target.collections, accounts, {
    enabled: false,
    dryRun: false,
    now: NOW,
  });

const skippedIn = ({ skipped }: Awaited<ReturnType<typeof importAll>>) =>
  Object.entries(skipped).flatMap(([kind, reasons]) =>
    [...reasons].map(([reason, { ids }]) => [kind, reason, ids]),
  );

/** A task of the original, with as few fields as it may have. */
const few = (number: number, fields: object = {}) => ({
  id: uuid(number),
  title: `Task ${number}`,
  prompt: 'Write a caption.',
  schedule: '0 9 * * 4',
  account_id: ACCOUNT.toUpperCase(),
  artist_account_id: ARTIST,
  ...fields,
});

const AT = '2026-11-01T00:00:00.000Z';
/** A run as the original lists it. */
const listed = (number: number, fields: object = {}) => ({
  id: `run_${number}`,
  status: 'COMPLETED',
  taskIdentifier: 'customer-prompt-task',
  createdAt: AT,
  updatedAt: AT,
  ...fields,
});

describe('an import from the original', () => {
  it('takes tasks that have few fields, or other fields, or null', async () => {
    original = await scriptedOriginal({
      tasks: [
        few(1, {
          created_at: '2026-01-02T03:04:05.678901+00:00',
          updated_at: '2026-02-03T04:05:06.789012+00:00',
          timezone: null,
          model: null,
          enabled: null,
          recent_runs: null,
          upcoming: ['2099-01-01T00:00:00Z'],
          owner_email: 'owner@label.example',
          last_run: 'unknown here',
        }),
        few(2, { enabled: true, recent_runs: [] }),
      ],
    });
    const figures = await importAll();
    expect(figures.tasks.added).toBe(2);
    expect(skippedIn(figures)).toEqual([]);
    const { tasks } = target.collections;
    expect(await tasks.find({}, { sort: { _id: 1 } }).toArray()).toEqual([
      {
        _id: uuid(1),
        title: 'Task 1',
        prompt: 'Write a caption.',
        schedule: '0 9 * * 4',
        account_id: ACCOUNT,
        artist_account_id: ARTIST,
        model: null,
        enabled: false,
        created_at: new Date('2026-01-02T03:04:05.678Z'),
        updated_at: new Date('2026-02-03T04:05:06.789Z'),
        recent_runs: [],
        version: 1,
      },
      {
        _id: uuid(2),
        title: 'Task 2',
        prompt: 'Write a caption.',
        schedule: '0 9 * * 4',
        account_id: ACCOUNT,
        artist_account_id: ARTIST,
        enabled: false,
        // The original does not tell.
        created_at: NOW,
        recent_runs: [],
        version: 1,
      },
    ]);
    await contentsOf(target.client);
  });

  it('takes over changes of tasks whose times it does not know, until they are changed here', async () => {
    original = await scriptedOriginal({ tasks: [few(1), few(2)] });
    await importAll();
    await target.collections.tasks.updateOne({ _id: uuid(2) }, { $set: { updated_at: NOW, title: 'Here' } });
    target.clock.now = new Date(NOW.getTime() + 1);
    await target.collections.tasks.updateOne({ _id: uuid(2) }, { $set: { updated_at: target.clock.now } });
    original.script.tasks = [few(1, { title: 'New' }), few(2, { title: 'New' })];
    const figures = await importAll();
    expect(figures.tasks).toEqual({ added: 0, changed: 1, same: 0, kept: 1 });
    expect((await target.collections.tasks.findOne({ _id: uuid(1) }))?.title).toBe('New');
    expect((await target.collections.tasks.findOne({ _id: uuid(2) }))?.title).toBe('Here');
  });

  it('reads the complete runs, two at a time, and finds their tasks', async () => {
    const whole = (number: number) =>
      listed(number, { schedule: { id: 'sched', externalId: uuid(1) }, output: { number }, unknown: true });
    original = await scriptedOriginal({
      tasks: [few(1, { recent_runs: [listed(1, { output: 'whole', error: null })] })],
      runs: () => Array.from({ length: 9 }, (_, at) => listed(at + 1)),
      run: (id) =>
        ({
          run_2: { ...whole(2), status: 'EXPIRED', version: null, env: null },
          run_3: listed(3, { output: 1 }),
          run_4: { ...whole(4), status: 'NEW_STATUS' },
          run_5: { ...whole(5), output: { text: '\0' } },
          run_6: { ...whole(6), schedule: { externalId: uuid(9) } },
          run_8: whole(8),
          run_9: { ...whole(9), payload: 'x'.repeat(262_144) },
        })[id],
    });
    const figures = await importAll();
    // Two reads are under way at a time, and either may end first.
    const byRun = skippedIn(figures).toSorted((one, other) => String(one[2]).localeCompare(String(other[2])));
    expect(byRun).toEqual([
      ['run', 'the source does not name its task', ['run_3']],
      [
        'run',
        expect.stringMatching(/^Field "status" must be one of PENDING_VERSION, .*, TIMED_OUT\.$/),
        ['run_4'],
      ],
      ['run', 'Field "output.text" must not contain NUL characters or unpaired surrogates.', ['run_5']],
      ['run', 'its task was not imported', ['run_6']],
      ['run', 'the source answered with status 404', ['run_7']],
      ['run', expect.stringMatching(/^It has 262,\d+ bytes; the limit for a run is 262,144\.$/), ['run_9']],
    ]);
    expect(original.inFlight.most).toBe(2);
    const runs = await target.collections.runs.find({}, { sort: { _id: 1 } }).toArray();
    expect(runs.map(({ _id, status, output }) => [_id, status, output])).toEqual([
      ['run_1', 'COMPLETED', 'whole'],
      ['run_2', 'CANCELED', { number: 2 }],
      ['run_8', 'COMPLETED', { number: 8 }],
    ]);
    expect(runs[1]).not.toHaveProperty('version');
    const { tasks } = await contentsOf(target.client);
    expect(tasks[0]?.recent_runs.map(({ id }) => id)).toEqual(['run_8', 'run_2', 'run_1']);
    // What is here is not read again.
    original.requests.length = 0;
    expect((await importAll()).runs).toEqual({ recorded: 0, same: 3 });
    expect(original.requests.filter((url) => /runId=run_[128]/.test(url))).toEqual([]);
  });

  it('names tasks that cannot be stored, and takes the others', async () => {
    original = await scriptedOriginal({
      tasks: [
        few(1, { title: 5 }),
        few(2, { id: 'task-2' }),
        few(3, { prompt: undefined }),
        few(4, { created_at: 'yesterday' }),
        few(5, { title: 'half \ud83c' }),
        few(6),
      ],
    });
    expect(skippedIn(await importAll())).toEqual([
      ['task', 'Field "title" must be string.', [uuid(1)]],
      ['task', 'Field "id" must match format "uuid".', ['task-2']],
      ['task', "It must have required property 'prompt'.", [uuid(3)]],
      ['task', 'Field "created_at" must match format "date-time".', [uuid(4)]],
      ['task', 'Field "title" must not contain NUL characters or unpaired surrogates.', [uuid(5)]],
    ]);
    expect(await target.collections.tasks.estimatedDocumentCount()).toBe(1);
  });

  it('asks without a limit where the original refuses it, or may have obeyed it', async () => {
    original = await scriptedOriginal({ tasks: [few(1)], instead: { 1: { status: 400 } } });
    expect((await importAll()).tasks.added).toBe(1);
    expect(original.requests.slice(0, 2)).toEqual(['/api/tasks?limit=100', '/api/tasks']);
    await original.close();
    original = await scriptedOriginal({ tasks: Array.from({ length: 100 }, (_, at) => few(at + 1)) });
    expect((await importAll([ACCOUNT])).tasks).toMatchObject({ added: 99, same: 1 });
    expect(original.requests.slice(0, 2)).toEqual([
      `/api/tasks?account_id=${ACCOUNT}&limit=100`,
      `/api/tasks?account_id=${ACCOUNT}`,
    ]);
  });

  it('waits as long as Retry-After says', async () => {
    original = await scriptedOriginal({
      tasks: [few(1)],
      instead: {
        1: { status: 429, headers: { 'Retry-After': '1' } },
        2: { status: 429, headers: { 'Retry-After': '0' } },
        4: { status: 503, headers: { 'Retry-After': '0' } },
      },
    });
    expect((await importAll()).tasks.added).toBe(1);
    expect(original.requests.map((url) => url.split('?', 1)[0])).toEqual([
      '/api/tasks',
      '/api/tasks',
      '/api/tasks',
      '/api/tasks/runs',
      '/api/tasks/runs',
    ]);
  });

  it('leaves a run that the original fails to give, and takes it the next time', async () => {
    original = await scriptedOriginal({
      tasks: [few(1)],
      runs: () => [listed(1), listed(2)],
      run: (id) => ({ ...listed(Number(id.slice(-1))), schedule: { externalId: uuid(1) }, output: id }),
      instead: { 3: { status: 500 } },
    });
    const [first] = skippedIn(await importAll());
    expect(first?.slice(0, 2)).toEqual(['run', 'the source answered with status 500']);
    expect(await target.collections.runs.estimatedDocumentCount()).toBe(1);
    expect(skippedIn(await importAll())).toEqual([]);
    expect(await target.collections.runs.estimatedDocumentCount()).toBe(2);
  });

  it('names accounts whose runs it may not list', async () => {
    original = await scriptedOriginal({ tasks: [few(1)], instead: { 2: { status: 403 } } });
    expect(skippedIn(await importAll())).toEqual([
      ['account', 'failed to list its runs: the source answered with status 403', [ACCOUNT]],
    ]);
  });

  it.each([
    [
      { 2: { status: 401 } },
      /^The source rejects the key \(HTTP 401\); pass .* Tasks and runs that are already imported stay/,
    ],
    [{ 2: { status: 502 } }, /^Unexpected reply: .*\(status 502, .*repeat the command to continue\.$/],
    [
      { 2: { status: 429, headers: { 'Retry-After': '3600' } } },
      /^The source is rate-limiting requests \(HTTP 429\)/,
    ],
    [{ 1: { status: 403 } }, /^Failed to list the tasks: the source answered with status 403\./],
  ])('ends in the middle after %j, and keeps what it has', async (instead, message) => {
    original = await scriptedOriginal({ tasks: [few(1)], instead });
    const failed: unknown = await importAll().catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(SourceFailed);
    expect(String(failed).replace('SourceFailed: ', '')).toMatch(message);
    const kept = '1' in instead ? 0 : 1;
    expect(await target.collections.tasks.estimatedDocumentCount()).toBe(kept);
    expect((await importAll()).tasks).toMatchObject({ added: 1 - kept, same: kept });
  });

  it('refuses what is no list', async () => {
    original = await scriptedOriginal({ tasks: [] });
    Object.assign(original.script, { tasks: { 0: few(1) } });
    await expect(importAll()).rejects.toThrow(
      /^The source's reply has no array "tasks" of objects; check that --from/,
    );
  });
});
