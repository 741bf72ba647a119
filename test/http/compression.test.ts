/** What a compressed reply consists of: the same bytes, in one gzip member, about as small as zlib makes the whole. */
import { once } from 'node:events';
import { type IncomingMessage, get } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { createInflateRaw, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { fill } from '../../scripts/bench/fill.ts';
import type { TasksResponse } from '../../generated/types.gen.ts';
import { QUICK } from '../../scripts/bench/plan.ts';
import { seedTasks } from '../../src/commands/seed-data.ts';
import type { TaskDocument } from '../../src/store/task-document.ts';
import { run, task, uuid } from '../support/builders.ts';
import { GzipCache, gzipStream } from '../../src/http/reply/gzip.ts';
import { countOf } from '../support/count.ts';
import { type Service, listenOn, startService } from '../support/service.ts';

/** Sizes of a gzip member's header without options, and of its trailer (RFC 1952, 2.3). */
const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
const MAX_TO_ZLIB = 1.1;

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

interface Reply {
  body: Buffer;
  headers: IncomingMessage['headers'];
}

/** A reply's body as it was sent. */
async function fetchRaw(encoding: string, query = '', { url } = service): Promise<Reply> {
  const headers = { 'Accept-Encoding': encoding };
  const [response]: IncomingMessage[] = await once(
    get(`${url}/api/tasks${query}`, { headers, agent: false }),
    'response',
  );
  if (!response) throw new Error('There is no response.');
  return { body: await buffer(response), headers: response.headers };
}

/** Holds a compressed reply against the plain one. */
async function check(query = ''): Promise<Reply> {
  const { body: plain } = await fetchRaw('identity', query);
  const compressed = await fetchRaw('gzip', query);
  const { body, headers } = compressed;
  expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
  // Throws where the checksum or the length is wrong.
  expect(gunzipSync(body).equals(plain)).toBe(true);
  // The deflated data of the first member end where its trailer begins, and nothing follows that.
  const inflate = createInflateRaw();
  inflate.end(body.subarray(HEADER_BYTES));
  await buffer(inflate);
  expect(inflate.bytesWritten).toBe(body.length - HEADER_BYTES - TRAILER_BYTES);
  expect(body.length).toBeLessThanOrEqual(MAX_TO_ZLIB * gzipSync(plain).length);
  return compressed;
}

const largeRun = (number: number) => run(number, { output: { lyrics: lyricsOf(number, 400) } });

/** Words in an order that does not repeat, as text has it. */
function lyricsOf(seed: number, words: number): string {
  let state = seed + 1;
  const word = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 4).toString(36);
  };
  return Array.from({ length: words }, word).join(' ');
}

async function seedWithoutRuns({ tasks: store }: Service, tasks: number): Promise<void> {
  await store.insert([...seedTasks({ accounts: 2, tasks, runs: 0 })].map(({ task: one }) => one));
}

/** Adds tasks with five runs each, and further ones with a run each up to a number of tasks in all. */
async function seedWithRuns({ collections }: Service, tasks: number, inAll = tasks): Promise<void> {
  const plan = { ...QUICK, accounts: 1, listedTasks: tasks, historyTasks: 0, manyTasks: inAll };
  await fill(collections, 'many', { plan, onProgress: () => undefined });
}

const TEXT = Buffer.from(lyricsOf(1, 10_000));

/** Fills the database with tasks and runs of one shape. */
const SHAPES: [shape: string, fill: (service: Service) => Promise<void>][] = [
  ['4 tasks without runs', (to) => seedWithoutRuns(to, 4)],
  ['400 tasks without runs', (to) => seedWithoutRuns(to, 400)],
  ['5 tasks × 5 runs', (to) => seedWithRuns(to, 5)],
  ['100 tasks × 5 runs', (to) => seedWithRuns(to, 100)],
  ['20 tasks × 5 large runs', (to) => insert(to, 20, {}, 5)],
  ['4 tasks of a megabyte', (to) => insert(to, 4, { prompt: lyricsOf(7, 130_000) })],
  ['50 tasks whose text repeats', (to) => insert(to, 50, { prompt: 'la la la '.repeat(2_000) })],
  ['1,100 tasks without runs, streamed', (to) => seedWithoutRuns(to, 1_100)],
  ['1,010 tasks × 1 to 5 runs, streamed', (to) => seedWithRuns(to, 100, 1_010)],
];

async function insert(
  { collections, runs }: Service,
  tasks: number,
  fields: Partial<TaskDocument>,
  runsOfEach = 0,
): Promise<void> {
  for (let number = 0; number < tasks; number += 1) {
    await collections.tasks.insertOne(task(number, fields));
    const numbers = Array.from({ length: runsOfEach }, (_, at) => number * runsOfEach + at);
    if (runsOfEach > 0) await runs.recordRuns(uuid(number), numbers.map(largeRun));
  }
}

beforeEach(async () => {
  // Parts of the last test's tasks, whose ids and versions are the same, are then too old to be used.
  service.clock.now = new Date(service.clock.now.getTime() + 60_000);
  const { tasks, runs, accounts } = service.collections;
  await Promise.all([tasks.deleteMany({}), runs.deleteMany({}), accounts.deleteMany({})]);
});

describe('a compressed listing', () => {
  test.each(SHAPES)(
    'of %s has the same text, in one member, and at most a tenth more than zlib makes of it',
    async (_shape, fillShape) => {
      await fillShape(service);
      const first = await check();
      const { tasks }: TasksResponse = JSON.parse(gunzipSync(first.body).toString());
      expect(tasks).toHaveLength(await countOf(service.collections.tasks));
      // Whole replies now come from the cache.
      expect((await check()).body.equals(first.body)).toBe(true);
    },
  );

  test('has its length where it is whole, as the plain one', async () => {
    await seedWithoutRuns(service, 10);
    const { body, headers } = await check();
    expect(headers['content-length']).toBe(String(body.length));
    expect(headers['transfer-encoding']).toBeUndefined();
  });

  test('is the same from a service that keeps nothing', async () => {
    await seedWithRuns(service, 10);
    const { body } = await check();
    const other = await listenOn(service.collections, () => service.clock.now, 'none', { cacheBytes: 0 });
    try {
      expect((await fetchRaw('gzip', '', { ...service, url: other.url })).body.equals(body)).toBe(true);
    } finally {
      await other.close();
    }
  });
});

describe('a compressed stream', () => {
  /** An endless source that knows what became of it. */
  function endless() {
    const state = { read: 0, isClosed: false };
    async function* source() {
      try {
        for (;;) {
          state.read += 1;
          yield TEXT;
        }
      } finally {
        state.isClosed = true;
      }
    }
    return { state, source: source() };
  }

  test('reads no further than its reader, and closes its source when the reader leaves', async () => {
    const { state, source } = endless();
    const stream = gzipStream(source);
    for (let chunks = 0; chunks < 5; chunks += 1) await stream.next();
    await new Promise((resolve) => {
      setTimeout(resolve, 200);
    });
    // What zlib and the buffers around it hold.
    expect(state.read).toBeLessThan(20);
    await stream.return();
    expect(state.isClosed).toBe(true);
  });

  test('fails with the error of its source', async () => {
    const failing = async function* () {
      yield TEXT;
      throw new Error('The database has left.');
    };
    await expect(buffer(gzipStream(failing()))).rejects.toThrow('The database has left.');
  });

  test('is read no further when the client leaves, which the log says', async () => {
    const TASKS = 1_500;
    await service.collections.tasks.insertMany(
      Array.from({ length: TASKS }, (_, at) => task(at, { prompt: lyricsOf(at, 2_000) })),
    );
    service.lines.length = 0;
    service.commands.started.length = 0;
    const request = get(`${service.url}/api/tasks`, { headers: { 'Accept-Encoding': 'gzip' }, agent: false });
    const [response]: IncomingMessage[] = await once(request, 'response');
    expect(response?.headers['content-encoding']).toBe('gzip');
    response?.destroy();
    while (!service.lines.some(({ msg }) => msg === 'request')) await new Promise(setImmediate);
    expect(service.lines.find(({ msg }) => msg === 'request')).toMatchObject({ status: 200, aborted: true });
    expect(service.commands.started.filter(({ command }) => command.find === 'tasks').length).toBeLessThan(
      TASKS / 100,
    );
    expect(service.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });
});

describe('the cache of compressed replies', () => {
  test('compresses a reply once, also where several ask for it at the same time', async () => {
    const cache = new GzipCache(1_000_000);
    let compressed = 0;
    const plain = async function* () {
      compressed += 1;
      yield TEXT;
    };
    const replies = await Promise.all([cache.compress('"a"', plain), cache.compress('"a"', plain)]);
    replies.push(await cache.compress('"a"', plain));
    for (const reply of replies) expect(gunzipSync(reply).equals(TEXT)).toBe(true);
    expect(compressed).toBe(1);
    expect(cache.stats()).toMatchObject({ hits: 2, misses: 1, entries: 1 });
  });

  test('stays within its bytes', async () => {
    const MAX_BYTES = 20_000;
    const cache = new GzipCache(MAX_BYTES);
    for (let reply = 0; reply < 20; reply += 1) {
      await cache.compress(`"${reply}"`, async function* () {
        yield Buffer.from(lyricsOf(reply, 500));
      });
    }
    const { bytes = 0, entries } = cache.stats();
    expect(entries).toBeGreaterThan(1);
    expect(entries).toBeLessThan(20);
    expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
  });

  test('tries again after a failure', async () => {
    const cache = new GzipCache(1_000_000);
    const failing = async function* () {
      yield TEXT;
      throw new Error('It failed.');
    };
    await expect(cache.compress('"a"', failing)).rejects.toThrow('It failed.');
    const reply = await cache.compress('"a"', async function* () {
      yield TEXT;
    });
    expect(gunzipSync(reply).equals(TEXT)).toBe(true);
  });
});
