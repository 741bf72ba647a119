/** /mcp as a part of the service: credentials, limits, log, metrics, and what its in-memory requests carry. */
import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Right } from '../../generated/types.gen.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { ACCOUNT, ARTIST, task, uuid } from '../support/builders.ts';
import { countOf } from '../support/count.ts';
import { connectMcp } from '../support/mcp.ts';
import { liveEngine } from '../support/queue.ts';
import { NOW, type Service, limitsWith, listenOn, startService } from '../support/service.ts';

const LIMIT = 100_000;
const MAX_BODY_BYTES = 20_000;
const metrics = new Metrics();
const NEW = { title: 'T', prompt: 'P', schedule: '0 9 * * 4', artist_account_id: ARTIST };

let service: Service;
let key: string;
beforeAll(async () => {
  service = await startService('required', {
    metrics,
    rateLimits: { perKey: LIMIT, perAddress: LIMIT },
    limits: limitsWith({ maxBodyBytes: MAX_BODY_BYTES }),
    corsOrigins: ['https://chat.example'],
  });
  await service.collections.accounts.insertOne({ _id: ACCOUNT });
  await service.collections.tasks.insertMany([task(1), task(2)]);
  key = (await service.keys.create({ name: 'agent', accountId: ACCOUNT }, NOW)).key;
});
afterAll(() => service.close());

const call = (name: string, args: object = {}, id = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});

/** Posts messages as a client of 2025-03-26 does, the last version with batches. */
function post(body: unknown, headers: Record<string, string> = {}, url = service.url) {
  return fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${key}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

const remaining = (response: Response) =>
  Number(/"key"; r=(\d+)/.exec(response.headers.get('ratelimit') ?? '')?.[1]);

/** How many requests with the key the limit counts for these messages. */
async function countedFor(messages: unknown): Promise<number> {
  const before = remaining(await post({ jsonrpc: '2.0', id: 1, method: 'ping' }));
  expect((await post(messages)).status).toBe(200);
  return before - remaining(await post({ jsonrpc: '2.0', id: 1, method: 'ping' })) - 1;
}

describe('credentials', () => {
  test.each([
    ['no key', { Authorization: '' }, 'invalid_credentials'],
    ['a wrong key', { Authorization: 'Bearer wrong' }, 'invalid_credentials'],
    ['two keys', { 'x-api-key': 'other' }, 'invalid_credentials'],
  ])('%s is 401 in the envelope of the service', async (_what, headers, code) => {
    const response = await post(call('get_tasks'), headers);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="recoup-tasks"');
    expect(await response.json()).toMatchObject({ status: 'error', code });
  });

  test.each<[Right[], string[]]>([
    [['read'], []],
    [
      ['read', 'run'],
      ['run_task', 'cancel_run'],
    ],
    [
      ['read', 'run', 'write'],
      ['create_task', 'update_task', 'delete_task', 'run_task', 'cancel_run'],
    ],
  ])('a key that may %j gets the tools that change something: %j', async (may, changing) => {
    const limited = (await service.keys.create({ name: 'limited', accountId: ACCOUNT, may }, NOW)).key;
    const client = await connectMcp(service.url, limited, 'current');
    const { tools } = await client.listTools();
    expect(tools.flatMap(({ name, annotations }) => (annotations?.readOnlyHint ? [] : [name]))).toEqual(
      changing,
    );
    const created = await client.callTool({ name: 'create_task', arguments: NEW });
    await client.close();
    if (may.includes('write')) expect(created.isError).toBeFalsy();
    else {
      expect(created).toMatchObject({
        isError: true,
        content: [{ text: expect.stringContaining('This operation needs the right "write"') }, {}],
      });
    }
  });

  test('a key of the environment of the service is not used', async () => {
    const { key: admin } = await service.keys.create({ name: 'admin', scope: 'admin' }, NOW);
    process.env.RECOUP_TASKS_API_KEY = admin;
    try {
      expect(await (await post(call('get_tasks'))).text()).toContain('Task 1');
      const foreign = await post(call('list_runs', { account_id: ARTIST }));
      expect(await foreign.text()).toContain('This key belongs to a different account');
    } finally {
      delete process.env.RECOUP_TASKS_API_KEY;
    }
  });
});

describe('the rate limits', () => {
  test.each<[string, number, unknown]>([
    ['a list of tools', 1, { jsonrpc: '2.0', id: 1, method: 'tools/list' }],
    ['a call', 1, call('get_tasks')],
    ['a creation, which also explains the schedule', 1, call('create_task', NEW)],
    ['a batch of three', 3, [call('get_tasks'), call('create_task', NEW, 2), call('list_runs', {}, 3)]],
  ])('count %s as %i', async (_what, expected, messages) => {
    expect(await countedFor(messages)).toBe(expected);
  });
});

test.each([
  [
    'a batch of eleven',
    Array.from({ length: 11 }, (_, id) => call('create_task', NEW, id)),
    400,
    'invalid_body',
  ],
  [
    'a body that is too large',
    call('create_task', { prompt: 'x'.repeat(MAX_BODY_BYTES) }),
    413,
    'body_too_large',
  ],
  ['a body that is not JSON', '{', 400, 'malformed_body'],
])('%s is refused, and nothing is done', async (_what, body, status, code) => {
  const before = await countOf(service.collections.tasks);
  const response = await post(body);
  expect([response.status, await response.json()]).toEqual([status, expect.objectContaining({ code })]);
  expect(await countOf(service.collections.tasks)).toBe(before);
});

test('an argument that makes the URL too long is refused as over HTTP', async () => {
  const q = 'x'.repeat(MAX_BODY_BYTES - 1_000);
  const text = await (await post(call('get_tasks', { q }))).text();
  expect(text).toMatch(/"isError":true/);
  expect(text).toMatch(/The URL has \d+ bytes/);
});

test.each(['constructor', 'hasOwnProperty'])(
  'an argument with the name %s is refused as over HTTP',
  async (name) => {
    const response = await post(call('create_task', { ...NEW, [name]: 'x' }));
    const text = await response.text();
    expect(text).toContain('"isError":true');
    expect(text).toContain('invalid_body');
    expect(text).toContain(name);
  },
);

test('a result too large to keep in memory is an error that says what to send', async () => {
  const stored = Array.from({ length: 22 }, (_, at) => ({
    ...task(100 + at),
    account_id: uuid(77),
    prompt: 'p'.repeat(100_000),
  }));
  await service.collections.tasks.insertMany(stored);
  const large = (await service.keys.create({ name: 'large', accountId: uuid(77) }, NOW)).key;
  const ask = async (limit: number) =>
    (await post(call('get_tasks', { limit }), { Authorization: `Bearer ${large}` })).text();
  expect(await ask(22)).toContain('Send a smaller limit');
  expect(await ask(2)).toContain('next_cursor');
});

test('an integer that a double would round reaches the run exactly', async () => {
  await liveEngine(service.collections);
  const message = JSON.stringify(call('run_task', { task_id: uuid(1), payload: 'N' }));
  expect((await post(message.replace('"N"', '9007199254740993'))).status).toBe(200);
  const runs = await service.request(`/api/tasks/runs?task_id=${uuid(1)}`, { headers: { 'x-api-key': key } });
  const [{ id }] = (await runs.json()).runs;
  const run = await service.request(`/api/tasks/runs?runId=${id}`, { headers: { 'x-api-key': key } });
  expect(await run.text()).toContain('"input":9007199254740993');
});

test('a reply is not stored, and has the security headers', async () => {
  const { headers } = await post(call('get_tasks'));
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'");
});

test.each(['GET', 'DELETE', 'PATCH'])('%s, for sessions, which there are not, is 405', async (method) => {
  const headers = { Authorization: `Bearer ${key}`, Accept: 'text/event-stream' };
  const response = await fetch(`${service.url}/mcp`, { method, headers });
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
});

test('a preflight of a page that the operator allows may send the headers of MCP', async () => {
  const response = await fetch(`${service.url}/mcp`, {
    method: 'OPTIONS',
    headers: {
      Origin: 'https://chat.example',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization,mcp-method,mcp-name,mcp-protocol-version',
    },
  });
  const allowed = response.headers.get('access-control-allow-headers')?.toLowerCase() ?? '';
  for (const name of ['authorization', 'mcp-method', 'mcp-name', 'mcp-protocol-version']) {
    expect(allowed.split(',')).toContain(name);
  }
});

test('a call has one line in the log, of its operation, with the request id and the key', async () => {
  await post(call('get_tasks'), { 'x-request-id': 'of-the-agent' });
  while (!service.lines.some(({ requestId }) => requestId === 'of-the-agent')) await setImmediate();
  const lines = service.lines.filter(({ requestId }) => requestId === 'of-the-agent');
  expect(lines).toEqual([
    expect.objectContaining({ operation: 'listTasks', path: '/api/tasks', status: 200, key: 'agent' }),
  ]);
});

test('a call is measured once, as its operation', async () => {
  const count = async (operation: string) => {
    const { body } = await metrics.text();
    const lines = body.split('\n').filter((line) => line.startsWith('http_request_duration_seconds_count'));
    return lines
      .filter((line) => line.includes(`operation="${operation}"`))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };
  const idle = async () => {
    while (!/^http_requests_in_flight 0$/m.test((await metrics.text()).body)) await setImmediate();
  };
  await idle();
  const before = [await count('listTasks'), await count('none')];
  await post(call('get_tasks'));
  await idle();
  expect([await count('listTasks'), await count('none')]).toEqual([Number(before[0]) + 1, before[1]]);
});

describe('without credentials', () => {
  let open: Awaited<ReturnType<typeof listenOn>> | undefined;
  afterEach(() => open?.close());

  test('Host and Origin must name this machine, also to a tool', async () => {
    open = await listenOn(service.collections, () => NOW, 'none');
    const none = { Authorization: '' };
    expect(await (await post(call('get_tasks'), none, open.url)).text()).toContain('Task 1');
    const foreign = await post(call('get_tasks'), { ...none, Origin: 'https://evil.example' }, open.url);
    expect([foreign.status, await foreign.json()]).toEqual([
      403,
      expect.objectContaining({ code: 'foreign_origin' }),
    ]);
  });
});
