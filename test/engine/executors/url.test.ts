import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { chatExecutor, urlExecutor } from '../../../src/engine/executors/url.ts';
import { exactJson } from '../../../src/lib/exact-json.ts';
import { type Behavior, JOB, PROMPT, attempt, behavesAsExecutor, expectStorable } from './port.ts';
import { type StubReply, startStub } from './stub-server.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
/** A port that nothing listens on. */
const NOWHERE = 'http://127.0.0.1:1';
/** Longer than what is read of a reply. */
const LONG = 'x'.repeat(5_000_000);
const POLL_MS = { first: 5, longest: 20 };

type Stub = Awaited<ReturnType<typeof startStub>>;
let stub: Stub;
let other: Stub;
beforeAll(async () => {
  stub = await startStub();
  other = await startStub();
});
beforeEach(() => {
  stub.replies(() => [404]);
  other.replies(() => [200, 'from another origin']);
});
afterAll(async () => {
  await stub.close();
  await other.close();
});

const toUrl = () => urlExecutor({ url: `${stub.url}/hook?a=1`, secret: SECRET }, POLL_MS);
const execute = (changes = {}) => toUrl().execute(attempt(changes));

const WORK_DONE: Record<Behavior, StubReply[]> = {
  completes: [[200, 'the work is done']],
  fails: [[500, 'the reason']],
  'never ends': ['hangs'],
  'cannot be reached': [],
};

describe('the executor of RUN_URL', () => {
  behavesAsExecutor({
    kind: 'url',
    make: async (behavior) => {
      stub.repliesInTurn(...WORK_DONE[behavior]);
      return behavior === 'cannot be reached' ? urlExecutor({ url: NOWHERE, secret: SECRET }) : toUrl();
    },
    received: () => stub.hasReceived(),
    count: () => stub.received.length,
  });
});

describe('the executor of RUN_CHAT_URL', () => {
  const accepted: StubReply = [202, { runId: 'chat/1' }, { location: '/api/chat/runs/chat%2F1' }];
  const toChat = (url = stub.url) => chatExecutor({ url, key: 'the-key' }, POLL_MS);
  const CHAT: Record<Behavior, StubReply[]> = {
    completes: [[200, { status: 'completed', answer: 'the work is done' }]],
    fails: [[200, { status: 'failed', error: 'the reason' }]],
    'never ends': [[200, { status: 'running' }]],
    'cannot be reached': [],
  };
  const locations: string[] = [];
  const follows = (executor: ReturnType<typeof toChat>): typeof executor => ({
    kind: executor.kind,
    execute: (given) =>
      executor.execute({ ...given, onAccepted: async (location) => void locations.push(location) }),
    close: () => executor.close(),
  });

  behavesAsExecutor({
    kind: 'chat',
    make: async (behavior) => {
      stub.repliesInTurn(accepted, ...CHAT[behavior]);
      return behavior === 'cannot be reached' ? toChat(NOWHERE) : follows(toChat());
    },
    received: () => stub.hasReceived(2),
    count: () => stub.received.length,
  });

  test('posts the prompt for its account, and polls the run with the key', async () => {
    stub.repliesInTurn(accepted, [200, { runId: 'chat/1', status: 'completed' }]);
    const job = { ...JOB, task: { ...JOB.task, model: 'openai/gpt-5' } };
    expect(await follows(toChat(`${stub.url}/`)).execute(attempt({ job }))).toEqual({
      kind: 'completed',
      output: { runId: 'chat/1', status: 'completed' },
    });
    const [post, look] = stub.received;
    expect(post).toMatchObject({
      method: 'POST',
      path: '/api/chat/runs',
      headers: { 'x-api-key': 'the-key', 'idempotency-key': JOB.run.id, 'content-type': 'application/json' },
    });
    expect(JSON.parse(post?.body ?? '')).toEqual({
      messages: [{ id: JOB.run.id, role: 'user', parts: [{ type: 'text', text: PROMPT }] }],
      accountId: JOB.task.account_id,
      artistId: JOB.task.artist_account_id,
      model: 'openai/gpt-5',
      trigger_run_id: JOB.run.id,
    });
    expect(look).toMatchObject({
      method: 'GET',
      path: '/api/chat/runs/chat%2F1',
      headers: { 'x-api-key': 'the-key' },
    });
    expect(locations.at(-1)).toBe(`${stub.url}/api/chat/runs/chat%2F1`);
  });
});

describe('a request', () => {
  test("has the job, the run's idempotency key in every attempt, and a Standard Webhooks signature", async () => {
    stub.replies(() => [200, { done: true }]);
    expect(await execute()).toEqual({ kind: 'completed', output: { done: true } });
    const [post] = stub.received;
    expect(post).toMatchObject({
      method: 'POST',
      path: '/hook?a=1',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': JOB.run.id,
        'webhook-id': JOB.run.id,
      },
    });
    expect(post?.body).toBe(exactJson(JOB));
    expect(post?.body).toContain(`"big":${2n ** 62n}`);
    const headers = Object.fromEntries(Object.entries(post?.headers ?? {}).map(([k, v]) => [k, String(v)]));
    expect(() => new Webhook(SECRET).verify(post?.body ?? '', headers)).not.toThrow();
    expect(() => new Webhook(SECRET).verify(`${post?.body} `, headers)).toThrow();
  });

  test.each<[StubReply, object]>([
    [[204], { kind: 'completed', output: { text: '', truncated: false, note: 'The output is empty.' } }],
    [[200, LONG], { kind: 'completed', output: { truncated: true } }],
    [
      [400, 'bad'],
      { kind: 'failed', repeatable: false, error: { name: 'Http400', message: 'The reply was 400: bad' } },
    ],
    [[401], { kind: 'failed', repeatable: false }],
    [[409], { kind: 'failed', repeatable: false }],
    [[500], { kind: 'failed', repeatable: true }],
    [[503, 'no promise'], { kind: 'failed', repeatable: true }],
    [[202, 'no location'], { kind: 'failed', repeatable: false, error: { name: 'NoLocation' } }],
    ['resets', { kind: 'failed', repeatable: true, error: { name: 'ConnectionLost' } }],
    ['breaks off', { kind: 'failed', repeatable: true, error: { name: 'ConnectionLost' } }],
    [
      [101, '', { connection: 'upgrade', upgrade: 'other' }],
      { kind: 'failed', repeatable: true, error: { name: 'ConnectionLost' } },
    ],
  ])('that is answered by reply %# has the outcome of the table', async (reply, outcome) => {
    stub.replies(() => reply);
    const given = await execute();
    expect(given).toMatchObject(outcome);
    if (given.kind === 'completed') expectStorable({ output: given.output });
    expect(stub.received).toHaveLength(1);
  });

  test.each<[StubReply, number | undefined]>([
    [[429, 'later'], undefined],
    [[429, 'later', { 'retry-after': '7' }], 7_000],
    [[503, 'later', { 'retry-after': '0' }], 0],
    [[503, 'later', { 'retry-after': '99999999' }], 86_400_000],
    [[503, 'later', { 'retry-after': 'Mon, 01 Jan 2001 00:00:00 GMT' }], 0],
  ])('that is answered %j was not delivered', async (reply, retryAfterMs) => {
    stub.replies(() => reply);
    const outcome = await execute();
    expect(outcome).toMatchObject({
      kind: 'undelivered',
      error: { message: expect.stringContaining('later') },
    });
    expect(outcome.kind === 'undelivered' && outcome.retryAfterMs).toBe(retryAfterMs);
  });

  test('to a name that does not exist was not delivered', async () => {
    const executor = urlExecutor({ url: 'http://no-such-host.invalid/', secret: SECRET });
    expect(await executor.execute(attempt())).toMatchObject({ kind: 'undelivered' });
  });
});

describe('work that goes on after 202', () => {
  const accepted: StubReply = [202, '', { location: '/runs/1' }];
  const status = (value: string, more = {}): StubReply => [200, { status: value, ...more }];

  test('is followed to its end after its location was stored', async () => {
    stub.repliesInTurn(
      accepted,
      status('queued'),
      status('running'),
      [503],
      [429, '', { 'retry-after': '0' }],
      'resets',
      status('completed', { output: { posts: 3 } }),
    );
    const stored: [string, number][] = [];
    const outcome = await execute({
      onAccepted: async (location: string) => void stored.push([location, stub.received.length]),
    });
    expect(outcome).toEqual({ kind: 'completed', output: { posts: 3 } });
    expect(stored).toEqual([[`${stub.url}/runs/1`, 1]]);
    expect(stub.received.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /hook?a=1',
      ...Array.from({ length: 6 }, () => 'GET /runs/1'),
    ]);
  });

  test.each<[StubReply, object]>([
    [status('completed'), { kind: 'completed', output: { status: 'completed' } }],
    [
      status('completed', { output: LONG.slice(0, 300_000) }),
      { kind: 'completed', output: { truncated: true, text: expect.stringMatching(/^"xxx/) } },
    ],
    [
      [200, '{"status": "completed", "output": {"n": 1e400}}'],
      { kind: 'completed', output: { note: expect.stringContaining('too large for a double') } },
    ],
    [
      status('failed', { error: { message: 'no credit' } }),
      { kind: 'failed', repeatable: true, error: { message: 'no credit' } },
    ],
    [status('cancelled'), { kind: 'failed', repeatable: false, error: { name: 'WorkCancelled' } }],
    [
      status('finished'),
      { error: { message: expect.stringContaining('has status "finished"; it must be queued, running') } },
    ],
    [[200, 'soon'], { kind: 'failed', error: { message: expect.stringContaining('has no status') } }],
    [[404], { kind: 'failed', repeatable: false }],
  ])('ends as status document %# says', async (reply, outcome) => {
    stub.replies(() => reply);
    expect(await execute({ location: `${stub.url}/runs/1` })).toMatchObject(outcome);
    expect(stub.received.map(({ method }) => method)).toEqual(['GET']);
  });

  test('is followed without a new POST if its location is known', async () => {
    stub.repliesInTurn(status('running'), status('completed', { output: 1 }));
    expect(await execute({ location: `${stub.url}/runs/1` })).toEqual({ kind: 'completed', output: 1 });
    expect(stub.received.map(({ method }) => method)).toEqual(['GET', 'GET']);
    const headers = Object.fromEntries(
      Object.entries(stub.received[0]?.headers ?? {}).map(([k, v]) => [k, String(v)]),
    );
    expect(() => new Webhook(SECRET).verify('', headers)).not.toThrow();
  });

  test('is not polled after the attempt was aborted', async () => {
    stub.replies(() => status('running'));
    const controller = new AbortController();
    const outcome = execute({ location: `${stub.url}/runs/1`, signal: controller.signal });
    await stub.hasReceived(3);
    controller.abort();
    expect(await outcome).toEqual({ kind: 'aborted' });
  });
});

describe('security: credentials and jobs', () => {
  test('go to no other origin that a Location names', async () => {
    for (const location of [`${other.url}/runs/1`, other.url.replace('http:', ''), 'file:///etc/passwd']) {
      stub.replies(() => [202, '', { location }]);
      const outcome = await execute();
      expect(outcome).toMatchObject({
        kind: 'failed',
        repeatable: false,
        error: { name: 'ForeignLocation' },
      });
    }
    expect(other.received).toEqual([]);
  });

  test('are not stored if a Location names user and password', async () => {
    stub.replies(() => [202, '', { location: stub.url.replace('//', '//user:hunter2@') }]);
    const stored: string[] = [];
    const outcome = await execute({ onAccepted: async (location: string) => void stored.push(location) });
    expect(outcome).toMatchObject({ kind: 'failed', error: { name: 'ForeignLocation' } });
    expect(JSON.stringify(outcome)).not.toContain('hunter2');
    expect(stored).toEqual([]);
  });

  test('go to no other origin that a stored location names', async () => {
    const outcome = await execute({ location: `${other.url}/runs/1` });
    expect(outcome).toMatchObject({ kind: 'failed', repeatable: false, error: { name: 'ForeignLocation' } });
    expect(other.received).toEqual([]);
  });

  test.each([301, 302, 303, 307, 308])('follow no redirect with status %d', async (code) => {
    stub.replies(() => [code, '', { location: `${other.url}/` }]);
    expect(await execute()).toMatchObject({ kind: 'failed', repeatable: false });
    expect(await execute({ location: `${stub.url}/runs/1` })).toMatchObject({ kind: 'failed' });
    expect(other.received).toEqual([]);
    expect(stub.received).toHaveLength(2);
  });
});
