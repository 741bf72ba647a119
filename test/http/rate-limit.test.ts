import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { routes } from '../../generated/express.gen.ts';
import { emptyArrayOf } from '../../src/http/request/routes.ts';
import { RequestCounter, networkOf } from '../../src/http/security/rate-limit.ts';
import { createListener, listen } from '../../src/http/server/listener.ts';
import { warmUp } from '../../src/http/server/warm-up.ts';
import { ACCOUNT } from '../support/builders.ts';
import { checkedFetch } from '../support/contract.ts';
import { NOW, type Service, appOn, startService } from '../support/service.ts';

const REAL = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'nextTick',
  'queueMicrotask',
  'performance',
] as const;
const CLEAR = ['clearTimeout', 'clearInterval', 'clearImmediate', 'hrtime'] as const;

let service: Service | undefined;
let first: string;
let second: string;
let admin: string;

async function start(
  rateLimits: { perKey: number; perAddress: number },
  options: Parameters<typeof startService>[1] = {},
) {
  const started = await startService('required', { rateLimits, ...options });
  service = started;
  const of = (name: string) => started.keys.create({ name, accountId: ACCOUNT }, NOW);
  first = (await of('first')).key;
  second = (await of('second')).key;
  admin = (await started.keys.create({ name: 'admin', scope: 'admin' }, NOW)).key;
  return started;
}

function ask(headers: Record<string, string>, path = '/api/tasks', method = 'GET') {
  if (!service) throw new Error('no service was started');
  return service.request(path, { method, headers });
}
const statusOf = async (headers: Record<string, string>) => (await ask(headers)).status;

beforeEach(() => {
  // The library counts by the system's clock; nothing else in here needs one.
  jest.useFakeTimers({ now: NOW, doNotFake: [...REAL, ...CLEAR] });
});
afterEach(async () => {
  jest.restoreAllMocks();
  jest.useRealTimers();
  await service?.close();
  service = undefined;
});

describe('a key', () => {
  test('may ask as often as the limit says, and is told what is left', async () => {
    await start({ perKey: 2, perAddress: 0 });
    const replies = [await ask({ 'x-api-key': first }), await ask({ 'x-api-key': first })];
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(replies.map(({ headers }) => headers.get('ratelimit'))).toEqual([
      '"key"; r=1; t=60',
      '"key"; r=0; t=60',
    ]);
    expect(replies[0]?.headers.get('ratelimit-policy')).toBe('"key"; q=2; w=60');
    expect(replies[0]?.headers.has('retry-after')).toBe(false);
  });

  test.each(Object.entries(routes).filter(([, { path }]) => path.startsWith('/api/')))(
    'that asks more often is refused by %s, in the envelope, and told when to try again',
    async (_id, { method, path }) => {
      await start({ perKey: 1, perAddress: 0 });
      jest.spyOn(Math, 'random').mockReturnValue(0);
      await ask({ 'x-api-key': admin });
      jest.setSystemTime(NOW.getTime() + 18_000);
      const reply = await ask({ 'x-api-key': admin }, path, method.toUpperCase());
      expect(reply.status).toBe(429);
      expect(reply.headers.get('retry-after')).toBe('42');
      expect(reply.headers.get('ratelimit')).toBe('"key"; r=0; t=42');
      const { error, code, ...body } = await reply.json();
      expect([code, error]).toEqual([
        'rate_limited',
        'Rate limit exceeded: 1 requests per minute with this key. Try again in 42 seconds.',
      ]);
      expect(body).toEqual({ ...emptyArrayOf(path), status: 'error', request_id: expect.any(String) });
    },
  );

  test('gets a Retry-After of up to two seconds after the end of the minute, and never before it', async () => {
    await start({ perKey: 1, perAddress: 0 });
    await ask({ 'x-api-key': first });
    jest.setSystemTime(NOW.getTime() + 17_001);
    const random = jest.spyOn(Math, 'random');
    for (const [value, seconds] of [
      [0, 43],
      [0.34, 44],
      [0.999, 45],
    ] as const) {
      random.mockReturnValue(value);
      const reply = await ask({ 'x-api-key': first });
      expect(reply.headers.get('retry-after')).toBe(String(seconds));
      expect(reply.headers.get('ratelimit')).toBe('"key"; r=0; t=43');
      expect((await reply.json()).error).toContain(`Try again in ${seconds} seconds.`);
    }
  });

  test('may ask again when the minute is over', async () => {
    await start({ perKey: 1, perAddress: 0 });
    expect(await statusOf({ 'x-api-key': first })).toBe(200);
    expect(await statusOf({ 'x-api-key': first })).toBe(429);
    jest.setSystemTime(NOW.getTime() + 60_000);
    expect(await statusOf({ 'x-api-key': first })).toBe(200);
  });

  test('does not use up what another key of its account has, in whichever header it is sent', async () => {
    await start({ perKey: 1, perAddress: 0 });
    expect(await statusOf({ 'x-api-key': first })).toBe(200);
    expect(await statusOf({ Authorization: `Bearer ${first}` })).toBe(429);
    expect(await statusOf({ 'x-api-key': second })).toBe(200);
  });

  test('is not limited by 0', async () => {
    await start({ perKey: 0, perAddress: 0 });
    const reply = await ask({ 'x-api-key': first });
    expect([reply.status, reply.headers.has('ratelimit')]).toEqual([200, false]);
  });
});

describe('an address', () => {
  test('that guesses keys is refused, before a key is looked at', async () => {
    const { commands } = await start({ perKey: 9, perAddress: 2 });
    expect(await statusOf({ 'x-api-key': 'recoup_guess_1' })).toBe(401);
    expect(await statusOf({})).toBe(401);
    commands.started.length = 0;
    const reply = await ask({ 'x-api-key': 'recoup_guess_2' });
    expect(reply.status).toBe(429);
    expect((await reply.json()).error).toContain('from this address');
    expect(await statusOf({ 'x-api-key': first })).toBe(429);
    expect(commands.started).toEqual([]);
  });

  test('is told of both limits', async () => {
    await start({ perKey: 9, perAddress: 5 });
    const { headers } = await ask({ 'x-api-key': first });
    expect(headers.get('ratelimit')).toBe('"address"; r=4; t=60, "key"; r=8; t=60');
    expect(headers.get('ratelimit-policy')).toBe('"address"; q=5; w=60, "key"; q=9; w=60');
  });

  test('cannot be made up in X-Forwarded-For or Forwarded', async () => {
    await start({ perKey: 0, perAddress: 1 });
    const headers = (address: string) => ({
      'x-api-key': first,
      'X-Forwarded-For': address,
      Forwarded: `for=${address}`,
      'X-Real-IP': address,
    });
    expect(await statusOf(headers('192.0.2.1'))).toBe(200);
    expect(await statusOf(headers('192.0.2.2'))).toBe(429);
  });

  test.each([
    ['by its address', ['127.0.0.1']],
    ['by number', 1],
  ])('is the one that a trusted proxy names last, the proxy being named %s', async (_how, trustProxy) => {
    await start({ perKey: 0, perAddress: 1 }, { trustProxy });
    const from = (addresses: string) => statusOf({ 'x-api-key': first, 'X-Forwarded-For': addresses });
    expect(await from('192.0.2.1')).toBe(200);
    expect(await from('192.0.2.2')).toBe(200);
    // The caller wrote the first; the proxy added the second.
    expect(await from('203.0.113.9, 192.0.2.1')).toBe(429);
  });

  test('is believed of no other proxy', async () => {
    await start({ perKey: 0, perAddress: 1 }, { trustProxy: ['10.0.0.0/8'] });
    const from = (address: string) => statusOf({ 'x-api-key': first, 'X-Forwarded-For': address });
    expect(await from('192.0.2.1')).toBe(200);
    expect(await from('192.0.2.2')).toBe(429);
  });
});

test('what is no operation is not counted', async () => {
  const { url } = await start({ perKey: 1, perAddress: 1 });
  for (const path of ['/docs', '/openapi.yaml', '/llms.txt']) await fetch(`${url}${path}`);
  expect((await ask({}, '/nothing')).status).toBe(404);
  expect((await ask({}, '/api/tasks', 'PUT')).status).toBe(405);
  expect((await ask({ 'x-api-key': first }, '/api/tasks', 'HEAD')).status).toBe(200);
  expect((await ask({ 'x-api-key': first })).status).toBe(429);
});

test('what the service asks itself before it listens is not counted', async () => {
  const { collections } = await start({ perKey: 1, perAddress: 1 });
  const rateLimits = { perKey: 1, perAddress: 1 };
  const { app, database, limits, log, readiness } = appOn(collections, () => NOW, 'required', { rateLimits });
  await warmUp(app);
  readiness.started();
  const { server, drain } = createListener(app, log, limits);
  try {
    const url = await listen(server, 0, '127.0.0.1');
    const headers = { 'x-api-key': first };
    expect((await checkedFetch(`${url}/api/tasks`, { headers })).status).toBe(200);
  } finally {
    await drain({ delayMs: 0, deadlineMs: 0 });
    database.stop();
  }
});

describe('counting', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:aa:bb00::1', '20010db800aabb'],
    ['2001:db8:aa:bbff:1:2:3:4', '20010db800aabb'],
    ['2001:db8:aa:bc00::1', '20010db800aabc'],
    ['fe80::1%eth0', 'fe800000000000'],
    ['192.0.2.7:4711', 'no address'],
    ['', 'no address'],
  ])('takes the address %j for %j', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  test('forgets who has not asked for longest, so that strangers cannot fill the memory', async () => {
    const counter = new RequestCounter(9, 2);
    const count = async (caller: string) => (await counter.count(caller)).consumedPoints;
    expect([await count('a'), await count('b'), await count('a'), await count('a')]).toEqual([1, 1, 2, 3]);
    expect([await count('c'), await count('a'), await count('b')]).toEqual([1, 4, 1]);
  });
});
