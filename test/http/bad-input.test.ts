import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { assertContract, assertSchema } from '../support/contract.ts';
import { task, uuid } from '../support/builders.ts';
import { type Service, startService } from '../support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

/** Every request of this file is answered by an error that fits the contract, and logs no stack trace. */
async function refusal(pathAndQuery: string, init?: RequestInit) {
  service.lines.length = 0;
  const response = await service.request(pathAndQuery, init);
  const body = await response.json();
  expect(body.request_id).toBe(response.headers.get('x-request-id'));
  expect(JSON.stringify(service.lines)).not.toContain('stack');
  expect(service.lines.map(({ status }) => status)).toEqual([response.status]);
  return { ...body, status: response.status, headers: response.headers };
}

/** The reply to bytes that no HTTP library would send, checked as any other. */
async function rawReply(bytes: string) {
  const socket = connect(service.port, '127.0.0.1');
  socket.write(bytes);
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const status = Number(statusLine.split(' ')[1]);
  const headers = new Headers(
    lines.map((line): [string, string] => [line.split(':', 1).join(), line.replace(/^[^:]*: */, '')]),
  );
  const json = JSON.parse(body);
  const [, method = '', target = ''] = /^([A-Z]+) (\S+) HTTP/.exec(bytes) ?? [];
  const path = target.replace(/^https?:\/\/[^/]*/i, '').replace(/[?#].*$/, '');
  // What is refused before it reaches an operation has the envelope alone.
  if (path === '/api/tasks' && 'tasks' in json) assertContract({ method, path, status, headers, text: body });
  else if (path !== '/openapi.json') assertSchema('components/schemas/ErrorResponse', json);
  return { status, head, body: json };
}

describe('400', () => {
  const id = uuid(1);
  test.each([
    ['id is not a UUID', 'id=abc', 'invalid_parameter', '"id" must be a UUID such as 5f0c1e9a-'],
    ['id is a UUID in URN form', `id=urn:uuid:${id}`, 'invalid_parameter', '"id"'],
    ['id is empty', 'id=', 'invalid_parameter', '"id" is empty'],
    ['id has no value', 'id', 'invalid_parameter', '"id" is empty'],
    ['account_id is not a UUID', 'account_id=1', 'invalid_parameter', '"account_id" must be a UUID'],
    [
      'artist_account_id is not a UUID',
      `artist_account_id=${id}0`,
      'invalid_parameter',
      '"artist_account_id"',
    ],
    ['a parameter is repeated', `id=${id}&id=${id}`, 'invalid_parameter', '"id" is given more than once'],
    [
      'a parameter is unknown',
      'acount_id=1',
      'unknown_parameter',
      'Allowed parameters: id, account_id, artist_account_id',
    ],
    ['a parameter has other capitals', `ID=${id}`, 'unknown_parameter', '"ID"'],
    ['a parameter is an array', `id[]=${id}`, 'unknown_parameter', '"id[]"'],
    ['a parameter is an operator', 'id[$ne]=x', 'unknown_parameter', '"id[$ne]"'],
    ['a parameter is __proto__', '__proto__=1', 'unknown_parameter', '"__proto__"'],
    ['a parameter is in __proto__', '__proto__[id]=1', 'unknown_parameter', '"__proto__[id]"'],
    ['a parameter is constructor', 'constructor=1', 'unknown_parameter', '"constructor"'],
    ['a parameter has no name', '=1', 'unknown_parameter', '""'],
    ['limit is 0', 'limit=0', 'invalid_parameter', '"limit" must be an integer from 1 to 1000'],
    ['limit is negative', 'limit=-1', 'invalid_parameter', '"limit"'],
    ['limit is 1001', 'limit=1001', 'invalid_parameter', '"limit"'],
    ['limit is 1.5', 'limit=1.5', 'invalid_parameter', '"limit"'],
    ['limit is hexadecimal', 'limit=0x10', 'invalid_parameter', '"limit" is not a plain decimal integer'],
    ['limit has an exponent', 'limit=1e1', 'invalid_parameter', '"limit"'],
    ['limit begins with a blank', 'limit=%2010', 'invalid_parameter', '"limit"'],
    ['limit begins with a plus, which is a blank', 'limit=+10', 'invalid_parameter', '"limit"'],
    ['limit ends with a blank', 'limit=10%20', 'invalid_parameter', '"limit"'],
    ['limit begins with 0', 'limit=010', 'invalid_parameter', '"limit"'],
    ['limit is in other digits', 'limit=%D9%A1', 'invalid_parameter', '"limit"'],
    ['limit is larger than any integer', `limit=${'9'.repeat(400)}`, 'invalid_parameter', '"limit"'],
    ['enabled is maybe', 'enabled=maybe', 'invalid_parameter', '"enabled" must be true or false'],
    ['enabled is 1', 'enabled=1', 'invalid_parameter', '"enabled"'],
    ['enabled has capitals', 'enabled=True', 'invalid_parameter', '"enabled"'],
    ['cursor has other characters', 'limit=1&cursor=a.b', 'invalid_parameter', '"cursor"'],
    ['cursor is too long', `limit=1&cursor=${'a'.repeat(513)}`, 'invalid_parameter', '"cursor"'],
    ['the encoding is broken', 'id=%E0%A4%A', 'malformed_request', 'percent-encoding'],
    ['the encoding of a name is broken', '%=1', 'malformed_request', 'percent-encoding'],
    ['the encoding is not UTF-8', 'id=%FF', 'malformed_request', 'percent-encoding'],
    ['there is a NUL byte', 'id=%00', 'invalid_parameter', '"id" contains a NUL character'],
    [
      'there is a NUL byte in a cursor',
      'limit=1&cursor=a%00',
      'invalid_parameter',
      '"cursor" contains a NUL character',
    ],
  ])('when %s', async (_what, query, code, message) => {
    const refused = await refusal(`/api/tasks?${query}`);
    expect(refused).toMatchObject({ status: 400, code, tasks: [] });
    expect(refused.error).toContain(message);
  });

  test('nothing of it reaches the database', () => {
    const reads = service.commands.started.filter(({ commandName }) => commandName === 'find');
    expect(reads).toEqual([]);
  });

  test('when it is not HTTP', async () => {
    const { status, head, body } = await rawReply('HELLO\r\n\r\n');
    expect(status).toBe(400);
    expect(head).toContain(`x-request-id: ${body.request_id}`);
    assertSchema('components/schemas/ErrorResponse', body);
    expect(body.code).toBe('malformed_request');
  });

  test('when there are two Host headers', async () => {
    const hosts = 'Host: localhost\r\nHost: 127.0.0.1\r\n';
    const { status, body } = await rawReply(`GET /api/tasks HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`);
    expect(status).toBe(400);
    expect(body.error).toContain('more than one Host');
  });

  test('when HTTP/1.1 comes without Host', async () => {
    const { status, body } = await rawReply('GET /api/tasks HTTP/1.1\r\nConnection: close\r\n\r\n');
    expect(status).toBe(400);
    assertSchema('components/schemas/ErrorResponse', body);
    expect(body.tasks).toEqual([]);
    expect(body.error).toContain('Host');
  });
});

test('parameters behind a thousand empty pairs are still read', async () => {
  const padding = '&'.repeat(1_001);
  expect(await refusal(`/api/tasks?${padding}id=1`)).toMatchObject({
    status: 400,
    code: 'invalid_parameter',
  });
  await service.collections.tasks.insertMany([task(1), task(2)]);
  const response = await service.request(`/api/tasks?${padding}id=${uuid(1)}`);
  expect((await response.json()).tasks).toHaveLength(1);
});

describe('other forms of the target', () => {
  test.each(['http://example/api/tasks', 'HTTP://user:pw@example/api/tasks?limit=1', '/api/tasks#x'])(
    '%s names the path too, and no more of it is logged',
    async (target) => {
      service.lines.length = 0;
      const { status } = await rawReply(
        `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      expect(status).toBe(200);
      expect(service.lines).toMatchObject([{ path: '/api/tasks', operation: 'listTasks', status: 200 }]);
    },
  );

  test('CONNECT is refused in the envelope', async () => {
    const { status, body } = await rawReply('CONNECT example:443 HTTP/1.1\r\nHost: example\r\n\r\n');
    expect(status).toBe(405);
    assertSchema('components/schemas/ErrorResponse', body);
  });

  test('an expectation that is unknown is ignored', async () => {
    const request = 'GET /api/tasks HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\nConnection: close\r\n\r\n';
    expect((await rawReply(request)).status).toBe(200);
  });
});

test.each([
  ['if-modified-since', 'Mon, 01 Jan 2035 00:00:00 GMT'],
  ['range', 'bytes=0-1'],
])('a listing is whole in spite of %s: %s', async (name, value) => {
  // By hand: fetch would add a Cache-Control that makes Express ignore these.
  const reply = await rawReply(
    `GET /api/tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${name}: ${value}\r\n\r\n`,
  );
  expect(reply.status).toBe(200);
  assertSchema('components/schemas/TasksResponse', reply.body);
});

describe('403, because whoever reaches the service may do everything', () => {
  const ask = (headers: string, path = '/api/tasks') =>
    rawReply(`GET ${path} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`);

  test.each(['evil.example', 'localhost.evil.example', '10.0.0.1:3000', '127.0.0.1.evil.example', ''])(
    'for the Host %j, to which DNS may have been rebound',
    async (host) => {
      const { status, body } = await ask(`Host: ${host}\r\n`);
      expect([status, body.code, body.tasks]).toEqual([403, 'foreign_origin', []]);
    },
  );

  test.each(['http://evil.example', 'null', 'https://localhost', 'http://localhost:1'])(
    'for a page of %s',
    async (origin) => {
      const { status, body } = await ask(`Host: localhost\r\nOrigin: ${origin}\r\n`);
      expect([status, body.code]).toEqual([403, 'foreign_origin']);
    },
  );

  test('for the docs too', async () => {
    expect((await ask('Host: evil.example\r\n', '/openapi.json')).status).toBe(403);
  });

  test.each([
    'Host: LOCALHOST:8080\r\n',
    'Host: [::1]:3000\r\n',
    'Host: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n',
  ])('but 200 for %j', async (headers) => {
    expect((await ask(headers)).status).toBe(200);
  });
});

describe('404', () => {
  test.each([
    '/api',
    '/api/tasks/',
    '/API/TASKS',
    '/api/tasks/x',
    '/api%2Ftasks',
    '//api/tasks',
    '/docs/nothing',
    '/docs/%E0%A4%A',
    '/%',
    '/a%00',
  ])('for %s, in the envelope without an array', async (path) => {
    const refused = await refusal(path);
    expect(refused).toMatchObject({ status: 404, code: 'not_found' });
    expect(refused).not.toHaveProperty('tasks');
  });
});

test.each(['PUT', 'OPTIONS', 'PROPFIND'])('405 with Allow for %s', async (method) => {
  const refused = await refusal('/api/tasks', { method });
  expect(refused).toMatchObject({ status: 405, code: 'method_not_allowed', tasks: [] });
  expect(refused.headers.get('allow')).toBe('GET, HEAD, DELETE, PATCH, POST');
});

describe('406', () => {
  test.each(['application/xml', 'text/html', 'application/json;q=0', 'image/*'])(
    'for Accept: %s',
    async (accept) => {
      const refused = await refusal('/api/tasks', { headers: { accept } });
      expect(refused).toMatchObject({ status: 406, code: 'not_acceptable', tasks: [] });
    },
  );

  test.each([
    '*/*',
    'application/*',
    'application/json',
    'application/json; charset=utf-8',
    'application/json;version="1,2", text/html',
    'text/html, application/json;q=0.1',
  ])('but 200 for Accept: %s', async (accept) => {
    expect((await service.request('/api/tasks', { headers: { accept } })).status).toBe(200);
  });
});

describe('size', () => {
  test('414 for a URL over 8 KB, and not for one of 8 KB', async () => {
    const withLength = (length: number) => `/api/tasks?${'x'.repeat(length - '/api/tasks?'.length)}`;
    expect(await refusal(withLength(8_193))).toMatchObject({ status: 414, code: 'uri_too_long', tasks: [] });
    expect(await refusal(withLength(30_000))).toMatchObject({ status: 414 });
    expect(await refusal(withLength(8_192))).toMatchObject({ status: 400, code: 'unknown_parameter' });
  });

  test('431 for headers over 64 KB', async () => {
    const header = (bytes: number) => ({ headers: { 'x-large': 'x'.repeat(bytes) } });
    expect(await refusal('/api/tasks', header(66_000))).toMatchObject({
      status: 431,
      code: 'headers_too_large',
    });
    expect((await service.request('/api/tasks', header(60_000))).status).toBe(200);
  });

  test('431 for headers that are not even read to their end', async () => {
    const { status, body } = await rawReply(
      `GET /api/tasks HTTP/1.1\r\nHost: localhost\r\nx-large: ${'x'.repeat(140_000)}\r\n\r\n`,
    );
    expect(status).toBe(431);
    assertSchema('components/schemas/ErrorResponse', body);
  });
});

describe('request ids', () => {
  test.each(['abc-123', '0d5f7d3e-8a43-4a55-9a52-6f0f1f6f5c10', 'a'.repeat(128)])(
    '%s is used',
    async (sent) => {
      const response = await service.request('/api/tasks', { headers: { 'x-request-id': sent } });
      expect(response.headers.get('x-request-id')).toBe(sent);
      expect(service.lines.at(-1)).toMatchObject({ requestId: sent });
    },
  );

  test.each(['', 'two words', '"quoted"', 'a'.repeat(129)])('%j is replaced', async (sent) => {
    const response = await service.request('/api/tasks', { headers: { 'x-request-id': sent } });
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

test('a request that is refused says so in its line, by the code that was sent', async () => {
  await service.request('/api/tasks?surprise=1');
  expect(service.lines.at(-1)).toMatchObject({ status: 400, code: 'unknown_parameter' });
});

test('a request is one line in the log, with its id, method, path, operation, status and duration, and no query', async () => {
  service.lines.length = 0;
  await service.request(`/api/tasks?id=${uuid(1)}`, {
    headers: { 'x-request-id': 'one', authorization: 'Bearer secret' },
  });
  expect(service.lines).toEqual([
    {
      level: 30,
      time: expect.any(Number),
      pid: expect.any(Number),
      hostname: expect.any(String),
      requestId: 'one',
      method: 'GET',
      path: '/api/tasks',
      operation: 'listTasks',
      status: 200,
      durationMs: expect.any(Number),
      msg: 'request',
    },
  ]);
});
