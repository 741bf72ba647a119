import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { delayBeforeRetry } from '../../src/client/retrying-fetch.ts';
import { ApiError, type ClientSettings, createClient, listTasks, pagesOf } from '../../src/client/index.ts';
import { writeJson } from '../../src/client/write-json.ts';
import { task, uuid } from '../support/builders.ts';
import { checkedFetch } from '../support/contract.ts';
import { character } from '../support/schema-values.ts';
import { type Service, startService } from '../support/service.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...headers });
    response.end(JSON.stringify(body));
  };
const EMPTY = { status: 'success', tasks: [] };
const REFUSAL = { status: 'error', error: 'No.', code: 'database_unavailable', request_id: 'r1', tasks: [] };
const ok = json(200, EMPTY);
const busy = (status: number, retryAfter = '0') => json(status, REFUSAL, { 'Retry-After': retryAfter });
const cut: Answer = (request) => request.socket.destroy();
const silent: Answer = () => {};
const half: Answer = (request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '1000' });
  response.write('{"status":"success","tasks":[', () => request.socket.destroy());
};

/** A server that answers each request by the next of the answers, the last one for good. */
const received: IncomingMessage[] = [];
let answers: Answer[] = [ok];
const server = createServer((request, response) => {
  received.push(request);
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  answer?.(request, response);
});
let url: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port }: Pick<AddressInfo, 'port'> = JSON.parse(JSON.stringify(server.address()));
  url = `http://127.0.0.1:${port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  received.length = 0;
  // Retry at once where Retry-After is 0.
  jest.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  jest.restoreAllMocks();
});

const clientOf = (settings: ClientSettings = {}) => createClient({ baseUrl: url, ...settings });
const failureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a client of the running service', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService();
    await service.collections.tasks.insertMany(Array.from({ length: 7 }, (_, number) => task(number)));
  });
  afterAll(() => service.close());
  const connect = (settings: ClientSettings = {}) =>
    createClient({ baseUrl: service.url, fetch: checkedFetch, ...settings });

  test('gets data, and the response it came in', async () => {
    const { data, error, response } = await listTasks({ client: connect(), query: { id: uuid(1) } });
    expect(data?.tasks.map(({ title }) => title)).toEqual(['Task 1']);
    expect(error).toBeUndefined();
    expect(response.url).toBe(`${service.url}/api/tasks?id=${uuid(1)}`);
  });

  test('gets what the service says of a wrong request as error', async () => {
    const { data, error, response } = await listTasks({ client: connect(), query: { limit: 0 } });
    expect(data).toBeUndefined();
    expect(error).toMatchObject({ status: 'error', code: 'invalid_parameter', tasks: [] });
    expect(response.status).toBe(400);
  });

  test.each([
    ['the client', { throwOnError: true }, {}],
    ['the call', {}, { throwOnError: true }],
  ])(
    'throws it as an Error with status, code and request id when %s says so',
    async (_who, settings, options) => {
      const call = listTasks({ client: connect(settings), query: { limit: 0 }, ...options });
      const error = await failureOf(call);
      expect(error).toBeInstanceOf(ApiError);
      expect(error).toMatchObject({
        name: 'ApiError',
        status: 400,
        code: 'invalid_parameter',
        message: expect.stringContaining('limit'),
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
    },
  );

  test('goes through all pages, each read when it is asked for', async () => {
    const requestsBefore = service.lines.length;
    const titles: string[] = [];
    for await (const { tasks } of pagesOf(listTasks, { client: connect(), query: { limit: 3 } })) {
      titles.push(...tasks.map(({ title }) => title));
      if (titles.length === 3) expect(service.lines.length - requestsBefore).toBe(1);
    }
    expect(titles).toEqual([6, 5, 4, 3, 2, 1, 0].map((number) => `Task ${number}`));
    expect(service.lines.length - requestsBefore).toBe(3);
  });

  test('throws where a page cannot be read', async () => {
    const pages = pagesOf(listTasks, { client: connect(), query: { cursor: 'other' } });
    expect(await failureOf(pages.next())).toMatchObject({ code: 'invalid_cursor' });
  });
});

describe('where the service is, and the key', () => {
  afterEach(() => {
    delete process.env.RECOUP_TASKS_URL;
    delete process.env.RECOUP_TASKS_API_KEY;
  });

  test('are taken from the environment', async () => {
    answers = [ok];
    process.env.RECOUP_TASKS_URL = url;
    process.env.RECOUP_TASKS_API_KEY = 'from-environment';
    await listTasks({ client: createClient() });
    expect(received[0]?.headers['x-api-key']).toBe('from-environment');
  });

  test('are taken from the options first', async () => {
    answers = [ok];
    process.env.RECOUP_TASKS_URL = 'http://127.0.0.1:9';
    process.env.RECOUP_TASKS_API_KEY = 'from-environment';
    await listTasks({ client: clientOf({ apiKey: 'from-options' }) });
    expect(received[0]?.headers['x-api-key']).toBe('from-options');
  });

  test('no key is sent where the call has a credential of its own, or there is none', async () => {
    answers = [ok];
    const headers = { Authorization: 'Bearer other' };
    await listTasks({ client: clientOf({ apiKey: 'mine' }), headers });
    await listTasks({ client: clientOf() });
    expect(received.map((request) => request.headers['x-api-key'])).toEqual([undefined, undefined]);
  });

  test.each([
    ['nowhere', {}, 'RECOUP_TASKS_URL'],
    ['without a scheme', { baseUrl: '127.0.0.1:3000' }, 'http://'],
  ])('are asked for when the URL is %s', (_what, settings, hint) => {
    expect(() => createClient(settings)).toThrow(TypeError);
    expect(() => createClient(settings)).toThrow(hint);
  });
});

describe('a call is repeated', () => {
  test.each([
    ['429', busy(429)],
    ['503', busy(503)],
    ['a lost connection', cut],
    ['a reply that breaks off', half],
  ])('after %s', async (_what, failure) => {
    answers = [failure, ok];
    const { data } = await listTasks({ client: clientOf() });
    expect(data).toEqual(EMPTY);
    expect(received).toHaveLength(2);
  });

  test('as often as told, and then what the service said is the result', async () => {
    answers = [busy(503)];
    const { error } = await listTasks({ client: clientOf({ retries: 3 }) });
    expect(error).toEqual(REFUSAL);
    expect(received).toHaveLength(4);
  });

  test('only where the method is idempotent, or the request has an Idempotency-Key', async () => {
    const client = clientOf();
    answers = [busy(503)];
    await client.post({ url: '/api/tasks', body: {} });
    expect(received).toHaveLength(1);
    await client.post({ url: '/api/tasks', body: { title: 'x' }, headers: { 'Idempotency-Key': 'k' } });
    expect(received).toHaveLength(4);
  });

  test.each([
    ['another error', json(500, { ...REFUSAL, code: 'internal_error' })],
    ['a service that asks for more patience than 65 seconds', busy(503, '66')],
  ])('but not after %s', async (_what, failure) => {
    answers = [failure];
    expect((await listTasks({ client: clientOf() })).error).toBeDefined();
    expect(received).toHaveLength(1);
  });

  test('after as long as the service asks for, or a growing while of its own', () => {
    const now = new Date('2026-11-24T12:00:00Z');
    const delay = (attempt: number, retryAfter: string | null, random = retryAfter === null ? 1 : 0) =>
      delayBeforeRetry(attempt, retryAfter, now, random);
    expect([1, 2, 3, 20].map((attempt) => delay(attempt, null))).toEqual([250, 500, 1000, 5000]);
    expect(delay(1, null, 0)).toBe(125);
    expect(delay(1, '7')).toBe(7_000);
    expect(delay(1, 'Tue, 24 Nov 2026 12:00:30 GMT')).toBe(30_000);
    expect(delay(1, 'Tue, 24 Nov 2026 11:00:00 GMT')).toBe(0);
    expect(['soon', '1.5', '-1'].map((text) => delay(1, text, 1))).toEqual([250, 250, 250]);
    expect(delay(1, '3600')).toBeUndefined();
  });

  test.each([
    [1, '0', 0, 250],
    [3, '0', 0, 1_000],
    [1, '1', 1_000, 2_000],
    [1, '2', 2_000, 4_000],
    [2, '62', 62_000, 67_000],
    [1, '65', 65_000, 70_000],
    [1, 'Tue, 24 Nov 2026 12:00:30 GMT', 30_000, 35_000],
    [1, 'Tue, 24 Nov 2026 11:00:00 GMT', 0, 250],
  ])('after attempt %d and Retry-After %s, at random between %d and %d ms', (attempt, text, least, most) => {
    const now = new Date('2026-11-24T12:00:00Z');
    const delays = [0, 0.5, 1].map((random) => delayBeforeRetry(attempt, text, now, random));
    expect(delays).toEqual([least, (least + most) / 2, most]);
  });

  test('after Retry-After and the random part, where it waits', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    const waits = jest.spyOn(globalThis, 'setTimeout');
    answers = [busy(503), ok];
    expect((await listTasks({ client: clientOf() })).data).toEqual(EMPTY);
    expect(waits.mock.calls.map(([, delayMs]) => delayMs)).toContain(125);
  });
});

describe('where no reply of the service comes', () => {
  test.each([
    ['the connection is lost', cut, 'network_error'],
    ['the reply breaks off', half, 'network_error'],
    [
      'a proxy shows a page',
      ((_q, r) => r.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>')) as Answer,
      'unexpected_reply',
    ],
    [
      'a proxy fails',
      ((_q, r) => r.writeHead(502, { 'Content-Type': 'text/html' }).end('<p>')) as Answer,
      'unexpected_reply',
    ],
    [
      'nothing is new since the ETag that the caller sent',
      (_request: IncomingMessage, response: ServerResponse) => response.writeHead(304).end(),
      'not_modified',
    ],
    ['the error is not the envelope', json(502, { message: 'x' }), 'unexpected_reply'],
  ])('because %s, an ApiError is thrown in any case', async (_what, answer, code) => {
    answers = [answer];
    const error = await failureOf(listTasks({ client: clientOf({ retries: 0 }) }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code });
  });

  test('because nothing comes in time, an ApiError is thrown', async () => {
    answers = [silent];
    const error = await failureOf(listTasks({ client: clientOf({ retries: 0, timeoutMs: 100 }) }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: 'timeout' });
  });

  test('because another place is said to have it, the key is not carried there', async () => {
    answers = [(_request, response) => response.writeHead(307, { Location: `${url}/elsewhere` }).end()];
    const client = clientOf({ retries: 0, apiKey: 'secret' });
    expect(await failureOf(listTasks({ client }))).toMatchObject({ code: 'unexpected_reply' });
    expect(received.map((request) => request.url)).toEqual(['/api/tasks']);
  });

  test.each([301, 302, 303, 307, 308])(
    'a redirect (%d) is named, with its target, and asked once',
    async (status) => {
      answers = [(_request, response) => response.writeHead(status, { Location: '/elsewhere' }).end('moved')];
      const error = await failureOf(listTasks({ client: clientOf({ redirect: undefined }) }));
      expect(error).toBeInstanceOf(ApiError);
      expect(error).toMatchObject({ status, code: 'unexpected_reply' });
      expect(String(error)).toContain(`${url} redirects to /elsewhere (status ${status})`);
      expect(received).toHaveLength(1);
    },
  );

  test('a redirect is named in a browser, too, which hides where it leads', async () => {
    const hidden = Object.defineProperties(new Response(), {
      type: { value: 'opaqueredirect' },
      status: { value: 0 },
    });
    let calls = 0;
    const client = clientOf({
      fetch: async () => {
        calls += 1;
        return hidden;
      },
    });
    const error = await failureOf(listTasks({ client }));
    expect(error).toMatchObject({ status: undefined, code: 'unexpected_reply' });
    expect(String(error)).toContain('redirects (status unknown)');
    expect(calls).toBe(1);
  });

  const sends =
    (status: number, body: string, type = 'application/json'): Answer =>
    (_request, response) =>
      response.writeHead(status, { 'Content-Type': type }).end(body);

  test.each<[string, Answer, string]>([
    [
      'is empty, of a known length',
      (_q, r) => r.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '0' }).end(),
      'an empty body',
    ],
    [
      'is empty, in chunks',
      (_q, r) => {
        r.writeHead(200, { 'Content-Type': 'application/json' });
        r.flushHeaders();
        r.end();
      },
      'an empty body',
    ],
    ['is 204', (_q, r) => r.writeHead(204, { 'Content-Type': 'application/json' }).end(), 'an empty body'],
    ['is 204 without a type', (_q, r) => r.writeHead(204).end(), 'no content type'],
    ['is blank', sends(200, ' \n'), 'not valid JSON'],
    ['is broken JSON', sends(200, '{"status":"success","tasks":['), 'not valid JSON'],
    [
      'breaks off where only its end tells its length',
      (q) => q.socket.end('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"status":"succ'),
      'not valid JSON',
    ],
    ['is null', sends(200, 'null'), 'not an object with a status'],
    ['is a list', sends(200, '[]'), 'not an object with a status'],
    ['is a text', sends(200, '"x"'), 'not an object with a status'],
    ['is another object', sends(200, '{}'), 'not an object with a status'],
    ['is an error with status 200', sends(200, JSON.stringify(REFUSAL)), 'an error with a success status'],
    [
      'is a problem',
      sends(502, '{"status":502}', 'application/problem+json'),
      'not JSON (status 502, application/problem+json)',
    ],
    ['is a sequence of JSON', sends(200, '{}', 'application/json-seq'), 'not JSON'],
    ['is an error without a body', sends(502, ''), "not the service's error (status 502"],
    ['is an error in broken JSON', sends(500, '{"status":"err'), "not the service's error"],
    ['is an error that is null', sends(500, 'null'), "not the service's error"],
    ['has a status that is none', sends(600, '{}'), '600 is not an HTTP status'],
  ])('a reply that %s is no data, and asked for once', async (_what, answer, message) => {
    answers = [answer];
    const error = await failureOf(listTasks({ client: clientOf() }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: 'unexpected_reply', message: expect.stringContaining(message) });
    expect(received).toHaveLength(1);
  });

  test.each([
    'application/json',
    'Application/JSON',
    'application/JSON;charset=UTF-8',
    'application/json ; x=y',
  ])('JSON of the type "%s" is data', async (type) => {
    answers = [sends(200, JSON.stringify(EMPTY), type)];
    expect((await listTasks({ client: clientOf() })).data).toEqual(EMPTY);
  });

  test('a reply to HEAD needs no body, and parseAs gives its text', async () => {
    answers = [sends(200, JSON.stringify(EMPTY))];
    const client = clientOf();
    expect((await client.head({ url: '/api/tasks' })).response.status).toBe(200);
    expect((await client.get({ url: '/api/tasks', parseAs: 'text' })).data).toBe(JSON.stringify(EMPTY));
  });

  test('a garbage collection loses neither the time limit nor the right to give up', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    answers = [silent];
    const controller = new AbortController();
    const timed = failureOf(listTasks({ client: clientOf({ retries: 0, timeoutMs: 2_000 }) }));
    const client = clientOf({ retries: 0, timeoutMs: 0 });
    const given = failureOf(listTasks({ client, signal: controller.signal }));
    while (received.length < 2) {
      await new Promise((resolve) => {
        server.once('request', resolve);
      });
    }
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    collect();
    expect(await timed).toMatchObject({ code: 'timeout' });
    controller.abort('enough');
    expect(await given).toBe('enough');
  });

  test('a caller who gives up gets his own reason, and nothing is sent again', async () => {
    answers = [silent];
    const controller = new AbortController();
    const call = failureOf(listTasks({ client: clientOf({ retries: 0 }), signal: controller.signal }));
    await new Promise((resolve) => {
      server.once('request', resolve);
    });
    controller.abort(new Error('changed my mind'));
    expect(await call).toEqual(new Error('changed my mind'));
    expect(received).toHaveLength(1);
  });

  test('a caller who gives up between two attempts does not wait for the next', async () => {
    answers = [busy(503, '50')];
    const controller = new AbortController();
    const call = failureOf(listTasks({ client: clientOf(), signal: controller.signal }));
    await new Promise((resolve) => {
      server.once('request', resolve);
    });
    setTimeout(() => controller.abort(new Error('enough')), 100);
    expect(await call).toEqual(new Error('enough'));
  });
});

describe('a body', () => {
  const RUNS = {
    numRuns: Number(process.env.PROPERTY_RUNS ?? 200),
    seed: Number(process.env.PROPERTY_SEED ?? 20_261_126),
  };
  /** JSON.stringify of the same value with a Number for each BigInt, which here are small enough for one. */
  const expected = (value: unknown) =>
    JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? Number(item) : item));

  test('is what JSON.stringify makes of it, and a BigInt its digits, whatever is around it', () => {
    const anything = fc.anything({
      withDate: true,
      withSparseArray: true,
      withBoxedValues: true,
      withNullPrototype: true,
      withMap: true,
      withTypedArray: true,
    });
    const leaf = fc.oneof(
      anything,
      fc.bigInt({ min: BigInt(-Number.MAX_SAFE_INTEGER), max: BigInt(Number.MAX_SAFE_INTEGER) }),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('tree')),
        fc.dictionary(fc.string({ unit: character }), tie('tree')),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => expect(writeJson(value)).toBe(expected(value))),
      RUNS,
    );
  });

  test('has all digits of a BigInt, between strings that contain anything', () => {
    const text = fc.string({ unit: character });
    const property = fc.property(text, text, fc.bigInt(), (key, other, number) => {
      const digits = `${number}`;
      expect(writeJson([other, { [key]: number, [`${key}x`]: digits }, number])).toBe(
        `[${JSON.stringify(other)},{${JSON.stringify(key)}:${digits},${JSON.stringify(`${key}x`)}:"${digits}"},${digits}]`,
      );
    });
    fc.assert(property, RUNS);
  });

  test('is converted by toJSON once, with its key, and may not refer to itself', () => {
    const calls: string[] = [];
    const strange = {
      toJSON(key: string) {
        calls.push(key);
        return this;
      },
      n: 1n,
    };
    expect(writeJson({ a: strange, b: [strange] })).toBe('{"a":{"n":1},"b":[{"n":1}]}');
    expect(calls).toEqual(['a', '0']);
    const shared = { n: Object(2n) };
    expect(writeJson([shared, shared])).toBe('[{"n":2},{"n":2}]');
    const circle: unknown[] = [];
    circle.push({ circle });
    expect(() => writeJson(circle)).toThrow(TypeError);
  });

  test('reaches the service with all digits', async () => {
    const sent = new Promise<string>((resolve) => {
      answers = [
        (request, response) => {
          void textOf(request).then(resolve);
          ok(request, response);
        },
      ];
    });
    await clientOf().put({
      url: '/api/tasks/runs',
      headers: { 'Content-Type': 'application/json' },
      body: { output: { views: 9_223_372_036_854_775_807n } },
    });
    expect(await sent).toBe('{"output":{"views":9223372036854775807}}');
  });
});
