/**
 * For an account's key, other accounts do not exist: each operation of the spec, so also the next one, is asked with every
 * id of another account in every place that takes one, and replies as to an id that there is not.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loadSpec } from '../../src/http/request/spec.ts';
import { OccurrenceStore } from '../../src/store/occurrence-store.ts';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT, run, task, uuid } from '../support/builders.ts';
import { at, isObject } from '../support/json.ts';
import {
  type Operation,
  type Sent,
  keyedOperations,
  operationOf,
  send,
  validRequest,
} from '../support/requests.ts';
import { liveEngine, queuedRun } from '../support/queue.ts';
import { resolve } from '../support/schema-values.ts';
import { NOW, type Service, startService } from '../support/service.ts';

const { document } = loadSpec();
/** Of each operation. */
const REQUESTS = 20;
const OTHER_ARTIST = uuid(88);
/** They read nothing that belongs to an account, besides the caller's own key. */
const WITHOUT_IDS = new Set(['previewSchedule', 'getCaller']);

let service: Service;
let key: string;
let otherCursors: Record<string, string>;

beforeAll(async () => {
  service = await startService('required');
  const { accounts, tasks } = service.collections;
  await accounts.insertMany([
    { _id: ACCOUNT, email: 'own@example.com' },
    { _id: OTHER_ACCOUNT, email: 'other@example.com', name: 'Other Label' },
  ]);
  const other = { account_id: OTHER_ACCOUNT, artist_account_id: OTHER_ARTIST };
  await tasks.insertMany([task(1), task(2), task(3, other), task(4, other)]);
  await service.runs.recordRuns(uuid(1), [run(1), run(2)]);
  await service.runs.recordRuns(uuid(3), [run(3), run(4, { status: 'FAILED' })]);
  await service.runs.recordRuns(uuid(4), [run(5)]);
  await liveEngine(service.collections);
  const entry = queuedRun('run_queued', { task_id: uuid(3), account_id: OTHER_ACCOUNT });
  await service.collections.run_queue.insertOne(entry);
  await service.runs.addOwn(entry, NOW);
  const occurrences = new OccurrenceStore(service.collections);
  for (const [number, account_id] of [
    [1, ACCOUNT],
    [3, OTHER_ACCOUNT],
    [4, OTHER_ACCOUNT],
  ] as const) {
    const occurrence = { task_id: uuid(number), account_id, scheduled_at: NOW, outcome: 'skipped' } as const;
    await occurrences.decide(occurrence, NOW);
  }
  // Of a task that is gone: its runs are the other account's all the same.
  await tasks.deleteOne({ _id: uuid(4) });
  key = (await service.keys.create({ name: 'own', accountId: ACCOUNT }, NOW)).key;
  const { key: otherKey } = await service.keys.create({ name: 'other', accountId: OTHER_ACCOUNT }, NOW);
  await tasks.insertOne(task(5, other));
  const cursorOf = async (path: string) => {
    const response = await service.request(`${path}?limit=1`, { headers: { 'x-api-key': otherKey } });
    return (await response.json()).next_cursor;
  };
  otherCursors = {
    '/api/tasks': await cursorOf('/api/tasks'),
    '/api/tasks/runs': await cursorOf('/api/tasks/runs'),
    '/api/tasks/occurrences': await cursorOf('/api/tasks/occurrences'),
  };
});
afterAll(() => service.close());

/** What the other account has, and what nobody has, by the kind of id. */
const FOREIGN = {
  task: [uuid(3), uuid(4)],
  account: [OTHER_ACCOUNT],
  artist: [OTHER_ARTIST],
  run: [run(3).id, run(4).id, run(5).id, 'run_queued'],
};
const NOBODYS = { task: uuid(404), account: uuid(405), artist: uuid(406), run: 'run_000404' };
type Kind = keyof typeof NOBODYS;

/** What a field or parameter of that name holds; undefined for one that is no id of ours. */
function kindOf(name: string, schema: unknown): Kind | undefined {
  if (name === 'runId') return 'run';
  if (at(schema, 'format') !== 'uuid') return undefined;
  if (name === 'account_id') return 'account';
  return name === 'artist_account_id' ? 'artist' : 'task';
}

/** Each place of an operation that takes an id: its kind, and how it is put there. */
function placesOf({ parameters, bodySchema }: Operation) {
  const inQuery = parameters.flatMap(({ name, in: place, schema }) => {
    const kind = place === 'query' ? kindOf(name, schema) : undefined;
    if (!kind) return [];
    const put = (request: Sent, value: string): Sent => ({
      ...request,
      query: [...request.query.filter(([other]) => other !== name), [name, value]],
    });
    return [{ name, kind, put }];
  });
  const inBody = Object.entries(Object(at(bodySchema, 'properties'))).flatMap(([name, given]) => {
    const kind = kindOf(name, resolve(document, given));
    if (!kind) return [];
    const put = (request: Sent, value: string): Sent => ({
      ...request,
      body: { ...Object(request.body), [name]: value },
    });
    return [{ name, kind, put }];
  });
  return [...inQuery, ...inBody];
}

/** A request of the key's own account: where it names an account or a task, those are its own. */
function ofOwnAccount(request: Sent): Sent {
  const own: Record<string, string> = {
    id: uuid(2),
    task_id: uuid(2),
    account_id: ACCOUNT,
    artist_account_id: ARTIST,
  };
  const body = isObject(request.body)
    ? Object.fromEntries(Object.entries(request.body).map(([name, value]) => [name, own[name] ?? value]))
    : request.body;
  const query = request.query.filter(
    ([name]) => !(name in own) && !['id', 'task_id', 'runId'].includes(name),
  );
  return { ...request, query, ...(body !== undefined && { body }), headers: {} };
}

/** The reply, less what differs between any two: ids of requests and of what was just made. */
async function replyTo(request: Sent, tried: string) {
  const asked = { ...request, headers: { ...request.headers, 'x-api-key': key } };
  const response = await send(service.request, asked);
  const text = (await response.text())
    .replaceAll(tried, 'TRIED')
    .replaceAll(/"request_id":"[^"]*"/g, '')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID');
  const names = [...response.headers.keys()].filter((name) => name !== 'content-length').toSorted();
  return { status: response.status, text, names };
}

describe.each(keyedOperations)('%s', (id, { method, path }) => {
  const operation = operationOf(document, method, path);
  const places = placesOf(operation);

  if (WITHOUT_IDS.has(id)) {
    test('takes no ids', () => {
      expect(places).toEqual([]);
    });
    return;
  }

  test('takes ids, so that there is something to try', () => {
    expect(places.length).toBeGreaterThan(0);
  });

  test.each(places)(
    "replies to another account's $name as to one that there is not",
    async ({ kind, put }) => {
      const before = await everythingOfOthers();
      for (const request of fc
        .sample(validRequest(operation), { numRuns: REQUESTS, seed: 6 })
        .map(ofOwnAccount)) {
        const nobodys = await replyTo(put(request, NOBODYS[kind]), NOBODYS[kind]);
        for (const foreign of FOREIGN[kind]) {
          expect(await replyTo(put(request, foreign), foreign)).toEqual(nobodys);
        }
      }
      expect(await everythingOfOthers()).toEqual(before);
    },
  );
});

/** What the other account has in the database. */
async function everythingOfOthers() {
  const { tasks, runs, accounts, run_queue } = service.collections;
  const own = { account_id: OTHER_ACCOUNT };
  return [
    await tasks.find(own).sort({ _id: 1 }).toArray(),
    await runs.find(own).sort({ _id: 1 }).toArray(),
    await accounts.find({ _id: OTHER_ACCOUNT }).toArray(),
    await run_queue.find(own).toArray(),
  ];
}

test('fire times have nothing of others', async () => {
  const response = await service.request('/api/tasks/upcoming', { headers: { 'x-api-key': key } });
  const text = await response.text();
  expect(text).toContain(uuid(1));
  for (const foreign of [...FOREIGN.task, uuid(5)]) expect(text).not.toContain(foreign);
});

test.each(['/api/tasks', '/api/tasks/runs', '/api/tasks/occurrences'])(
  'a listing of %s has nothing of others, and their cursors do not lead to it',
  async (path) => {
    const ask = (query: string) => service.request(`${path}${query}`, { headers: { 'x-api-key': key } });
    const text = await (await ask('')).text();
    for (const foreign of [
      ...FOREIGN.task,
      ...FOREIGN.run,
      OTHER_ACCOUNT,
      'other@example.com',
      'Other Label',
    ]) {
      expect(text).not.toContain(foreign);
    }
    expect(text).toContain(uuid(1));
    expect(otherCursors[path]).toBeDefined();
    const refused = await ask(`?limit=1&cursor=${otherCursors[path]}`);
    expect([refused.status, (await refused.json()).code]).toEqual([400, 'invalid_cursor']);
  },
);

test('every account whose task names an artist account sees its name, and nothing else of it', async () => {
  const response = await service.request('/api/tasks', {
    method: 'POST',
    headers: { 'x-api-key': key, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      title: 'T',
      prompt: 'P',
      schedule: '0 9 * * 4',
      artist_account_id: OTHER_ACCOUNT,
    }),
  });
  const { tasks } = await response.json();
  await service.collections.tasks.deleteOne({ _id: tasks[0].id });
  expect(tasks[0]).toMatchObject({ artist_name: 'Other Label', owner_email: 'own@example.com' });
  expect(JSON.stringify(tasks)).not.toContain('other@example.com');
});

test("a run that another tool filed under another account than its task's does not show the title", async () => {
  const { id: _id, ...fields } = run(9);
  const { runs } = service.collections;
  await runs.insertOne({ ...fields, _id, task_id: uuid(3), account_id: ACCOUNT });
  const response = await service.request(`/api/tasks/runs?runId=${_id}`, { headers: { 'x-api-key': key } });
  await runs.deleteOne({ _id });
  expect((await response.json()).runs[0]).toMatchObject({ id: _id, title: null });
});

test('to name another account is 403, whether there is one or not', async () => {
  for (const account of [OTHER_ACCOUNT, uuid(405), OTHER_ACCOUNT.toUpperCase()]) {
    const response = await service.request(`/api/tasks?account_id=${account}`, {
      headers: { 'x-api-key': key },
    });
    expect([response.status, (await response.json()).code]).toEqual([403, 'account_forbidden']);
  }
  const own = await service.request(`/api/tasks?account_id=${ACCOUNT.toUpperCase()}`, {
    headers: { 'x-api-key': key },
  });
  expect(own.status).toBe(200);
});

describe.each([
  ['PATCH', { title: 'Changed' }],
  ['DELETE', {}],
] as const)('%s by an account key', (method, fields) => {
  const ask = async (id: string, account_id?: string) => {
    const response = await service.request('/api/tasks', {
      method,
      headers: { 'x-api-key': key, 'Content-Type': 'application/json' },
      body: JSON.stringify({ id, account_id, ...fields }),
    });
    const { code } = await response.json();
    return [response.status, code];
  };

  test.each([uuid(3), uuid(404)])('is 404 for the task %s, which is not its own', async (id) => {
    const before = await everythingOfOthers();
    expect(await ask(id)).toEqual([404, 'task_not_found']);
    expect(await ask(id, ACCOUNT)).toEqual([404, 'task_not_found']);
    expect(await everythingOfOthers()).toEqual(before);
  });

  test.each([uuid(2), uuid(3), uuid(404)])('is 403 for the task %s and another account', async (id) => {
    const before = await service.collections.tasks.find().sort({ _id: 1 }).toArray();
    expect(await ask(id, OTHER_ACCOUNT)).toEqual([403, 'account_forbidden']);
    expect(await service.collections.tasks.find().sort({ _id: 1 }).toArray()).toEqual(before);
  });

  test('is done where it names its own account, in capitals too', async () => {
    await service.collections.tasks.insertOne(task(6));
    expect(await ask(uuid(6), ACCOUNT.toUpperCase())).toEqual([200, undefined]);
    await service.collections.tasks.deleteOne({ _id: uuid(6) });
  });
});
