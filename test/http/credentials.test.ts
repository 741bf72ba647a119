import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import express, { type ErrorRequestHandler } from 'express';
import { Long, MongoServerError, ObjectId, Timestamp } from 'mongodb';
import { pino } from 'pino';
import { createTask, listTasks, recordRuns } from '../../generated/sdk.gen.ts';
import { parseKey } from '../../src/store/parse-key.ts';
import { KeyStore } from '../../src/store/key-store.ts';
import { createClient } from '../../src/client/index.ts';
import { credentials } from '../../src/http/security/credentials.ts';
import { loadSpec } from '../../src/http/request/spec.ts';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT, task, uuid } from '../support/builders.ts';
import { keyedOperations } from '../support/requests.ts';
import { NOW, type Service, startService } from '../support/service.ts';
import { countOf } from '../support/count.ts';

let service: Service;
let account: { id: string; key: string };
let admin: { id: string; key: string };

beforeAll(async () => {
  service = await startService('required');
  await service.collections.tasks.insertMany([task(1), task(2, { account_id: OTHER_ACCOUNT })]);
});
afterAll(() => service.close());
beforeEach(async () => {
  service.clock.now = NOW;
  await service.collections.api_keys.deleteMany({});
  account = await service.keys.create({ name: 'of an account', accountId: ACCOUNT }, NOW);
  admin = await service.keys.create({ name: 'of an admin', scope: 'admin' }, NOW);
});

const after = (seconds: number) => {
  service.clock.now = new Date(NOW.getTime() + seconds * 1_000);
};
async function list(headers: Record<string, string>) {
  const response = await service.request('/api/tasks', { headers });
  const body = await response.json();
  return { status: response.status, code: body.code, error: body.error, tasks: body.tasks, response };
}
const statusWith = async (key: string) => (await list({ 'x-api-key': key })).status;
const stored = (id: string) => service.collections.api_keys.findOne({ _id: id });
/** Resolves once the key's `last_used_at` is written, which happens after the reply. */
async function becomes(id: string, lastUsedAt: Date) {
  while (String((await stored(id))?.last_used_at) !== String(lastUsedAt)) await new Promise(setImmediate);
}

describe('a key', () => {
  test('has 50 characters of which none needs escaping, and is nowhere to be found', async () => {
    expect(admin.key).toMatch(/^recoup_[A-Za-z0-9_-]{43}$/);
    await statusWith(admin.key);
    await statusWith(`${admin.key}x`);
    const everything = JSON.stringify([await service.collections.api_keys.find().toArray(), service.lines]);
    expect(everything).toContain(admin.id);
    expect(everything).not.toContain(admin.key.slice(0, 20));
  });

  test.each([
    ['in x-api-key', (key: string) => ({ 'x-api-key': key })],
    ['in Authorization', (key: string) => ({ Authorization: `Bearer ${key}` })],
    ['in Authorization, the scheme in other letters', (key: string) => ({ authorization: `bEARER  ${key}` })],
  ])('is taken %s', async (_where, headers) => {
    expect((await list(headers(admin.key))).tasks).toHaveLength(2);
  });

  test('of an account shows its tasks, that of an admin all', async () => {
    const ids = async (key: string) =>
      (await list({ 'x-api-key': key })).tasks.map(({ id }: { id: string }) => id);
    expect(await ids(account.key)).toEqual([uuid(1)]);
    expect(await ids(admin.key)).toEqual([uuid(2), uuid(1)]);
  });

  test('is taken by the client, from its settings, and by the generated one', async () => {
    const client = createClient({ baseUrl: service.url, apiKey: account.key });
    expect((await listTasks({ client })).data?.tasks).toHaveLength(1);
    const auth = ({ scheme }: { scheme?: string }) => (scheme === 'bearer' ? account.key : undefined);
    expect((await listTasks({ client: service.client, auth })).data?.tasks).toHaveLength(1);
  });

  test('is named in the log by its name', async () => {
    await statusWith(account.key);
    expect(service.lines.at(-1)).toMatchObject({ msg: 'request', key: 'of an account' });
    await statusWith(`${account.key}x`);
    expect(service.lines.at(-1)).not.toHaveProperty('key');
  });

  test('works until it expires', async () => {
    const expiresAt = new Date(NOW.getTime() + 60_000);
    const { key } = await service.keys.create({ name: 'short', scope: 'admin', expiresAt }, NOW);
    after(59.999);
    expect(await statusWith(key)).toBe(200);
    after(60);
    expect(await statusWith(key)).toBe(401);
  });

  test('that is revoked is refused within two seconds, by a process that has just seen it used', async () => {
    expect(await statusWith(account.key)).toBe(200);
    await service.keys.revoke(account.id, NOW);
    after(2);
    expect(await statusWith(account.key)).toBe(401);
    expect(await statusWith(admin.key)).toBe(200);
  });

  test('that was tried before it was there is taken two seconds later', async () => {
    await service.collections.api_keys.deleteOne({ _id: admin.id });
    expect(await statusWith(admin.key)).toBe(401);
  });

  test('says when it was last used, to the minute', async () => {
    expect(await stored(account.id)).not.toHaveProperty('last_used_at');
    await statusWith(account.key);
    await becomes(account.id, NOW);
    after(59);
    await statusWith(account.key);
    expect(await stored(account.id)).toMatchObject({ last_used_at: NOW });
    after(120);
    await statusWith(account.key);
    await becomes(account.id, service.clock.now);
  });

  test('is looked up once in a while, not for every request, and once whether it exists or not', async () => {
    const lookUps = async (key: string) => {
      service.commands.started.length = 0;
      await statusWith(key);
      await statusWith(key);
      return service.commands.started.filter(
        ({ commandName, command }) => commandName === 'find' && command.find === 'api_keys',
      ).length;
    };
    expect(await lookUps(account.key)).toBe(1);
    expect(await lookUps(`${account.key}x`)).toBe(1);
  });
});

describe('a write of last_used_at', () => {
  type BulkWrite = Service['collections']['api_keys']['bulkWrite'];
  let write: BulkWrite;
  let begun: Promise<unknown>[] = [];
  let restore = () => {};
  const failing: BulkWrite = () => Promise.reject(new Error('read-only'));
  const warnings = () => service.lines.filter(({ level }) => level === 40);

  /** Sends a request so many seconds after NOW, and waits until the service has seen how its write ended. */
  async function use(key: string, seconds: number) {
    after(seconds);
    expect(await statusWith(key)).toBe(200);
    await Promise.allSettled(begun);
    await new Promise(setImmediate);
  }

  beforeEach(async () => {
    const { api_keys } = service.collections;
    const { bulkWrite } = api_keys;
    const succeeding: BulkWrite = (...args) => bulkWrite.apply(api_keys, args);
    restore = () => (api_keys.bulkWrite = bulkWrite);
    api_keys.bulkWrite = (...args) => {
      const result = write(...args);
      begun.push(result);
      return result;
    };
    // A failure is logged if the write before it succeeded.
    write = succeeding;
    await use(admin.key, 0);
    begun = [];
    service.lines.length = 0;
  });
  afterEach(() => restore());

  test('that fails fails no request, is logged once, and is retried a minute later', async () => {
    write = failing;
    for (const seconds of [0, 2, 4, 58, 59.999, 60, 62, 120]) await use(account.key, seconds);
    expect(begun).toHaveLength(3);
    expect(warnings()).toEqual([expect.objectContaining({ keyIds: [account.id] })]);
  });

  test('that fails again after one that succeeded is logged again', async () => {
    const succeeding = write;
    for (const [seconds, act] of [
      [0, failing],
      [60, succeeding],
      [120, failing],
    ] as const) {
      write = act;
      await use(account.key, seconds);
    }
    expect(await stored(account.id)).toMatchObject({ last_used_at: new Date(NOW.getTime() + 60_000) });
    expect(warnings()).toHaveLength(2);
  });

  test('that does not end delays no request, and others wait for it together', async () => {
    const succeeding = write;
    let end = () => {};
    write = async (...args) => {
      write = succeeding;
      await new Promise<void>((resolve) => (end = resolve));
      return succeeding(...args);
    };
    expect(await statusWith(account.key)).toBe(200);
    after(60);
    expect([await statusWith(account.key), await statusWith(admin.key)]).toEqual([200, 200]);
    expect(begun).toHaveLength(1);
    end();
    await Promise.all([account, admin].map(({ id }) => becomes(id, service.clock.now)));
    expect(begun).toHaveLength(2);
  });
});

describe('401', () => {
  test.each(keyedOperations)('is the reply of %s without a key, before anything else', async (_id, route) => {
    const { method, path } = route;
    const response = await service.request(`${path}?surprise=1`, { method: method.toUpperCase() });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="recoup-tasks"');
    expect((await response.json()).code).toBe('missing_credentials');
  });

  test.each<[string, (key: string) => Record<string, string>, string]>([
    [
      'an unknown key',
      () => ({ 'x-api-key': 'recoup_x' }),
      'The API key in x-api-key is unknown, expired or revoked',
    ],
    [
      'an unknown bearer',
      () => ({ Authorization: 'Bearer x' }),
      'The API key in Authorization: Bearer is unknown, expired or revoked',
    ],
    ['an empty key', () => ({ 'x-api-key': '' }), 'The API key in x-api-key is unknown, expired or revoked'],
    ['a bearer of nothing', () => ({ Authorization: 'Bearer' }), 'has no key'],
    [
      'both headers',
      (key) => ({ 'x-api-key': key, Authorization: `Bearer ${key}` }),
      'has both x-api-key and',
    ],
    ['another scheme', (key) => ({ Authorization: `Basic ${key}` }), 'uses the scheme Basic. Send'],
    ['the key alone', (key) => ({ Authorization: key }), 'has '],
    ['a key and more', (key) => ({ 'x-api-key': `${key} ${key}` }), 'is unknown, expired or revoked'],
    ['a name of a prototype', () => ({ 'x-api-key': '__proto__' }), 'is unknown, expired or revoked'],
    ['an operator', () => ({ 'x-api-key': '{"$ne":null}' }), 'is unknown, expired or revoked'],
    ['a very long key', () => ({ 'x-api-key': 'x'.repeat(15_000) }), 'is unknown, expired or revoked'],
  ])('is the reply to %s', async (_what, headers, message) => {
    const { status, code, error, tasks } = await list(headers(admin.key));
    expect([status, code, tasks]).toEqual([401, 'invalid_credentials', []]);
    expect(error).toContain(message);
    expect(error).not.toContain(admin.key);
  });

  test('is the reply to a header that is given twice, even twice the same', async () => {
    for (const name of ['x-api-key', 'Authorization']) {
      const value = name === 'Authorization' ? `Bearer ${admin.key}` : admin.key;
      const socket = connect(service.port, '127.0.0.1');
      const line = `${name}: ${value}\r\n`;
      socket.write(`GET /api/tasks HTTP/1.1\r\nHost: x\r\n${line}${line}Connection: close\r\n\r\n`);
      const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
      expect(head).toMatch(/^HTTP\/1.1 401/);
      expect(JSON.parse(body).error).toContain(`more than one ${name.toLowerCase()} header`);
    }
  });

  test('is the reply to HEAD too, and says as little as that of an unknown, an expired and a revoked key', async () => {
    const expired = await service.keys.create({ name: 'x', scope: 'admin', expiresAt: NOW }, NOW);
    await service.keys.revoke(account.id, NOW);
    const replies = await Promise.all(
      ['recoup_unknown', expired.key, account.key].map((key) => list({ 'x-api-key': key })),
    );
    expect(new Set(replies.map(({ error }) => error)).size).toBe(1);
    expect(replies.map(({ status }) => status)).toEqual([401, 401, 401]);
    expect((await service.request('/api/tasks', { method: 'HEAD' })).status).toBe(401);
  });

  test('is not for the page and the documents, nor for what is no operation', async () => {
    for (const path of ['/', '/docs', '/openapi.yaml', '/llms.txt']) {
      expect((await fetch(`${service.url}${path}`)).status).toBe(200);
    }
    expect((await service.request('/nothing')).status).toBe(404);
    expect((await service.request('/api/tasks', { method: 'PUT' })).status).toBe(405);
  });
});

describe('a stored key that this version does not understand', () => {
  const LATER = new Date(NOW.getTime() + 3_600_000);
  const change = async (id: string, update: object) => {
    await service.collections.api_keys.updateOne({ _id: id }, update);
    service.lines.length = 0;
  };
  const set = (fields: object) => ({ $set: fields });

  test.each<[string, 'account' | 'admin', object, string]>([
    ['a scope of a later version', 'admin', set({ scope: 'auditor' }), 'scope must be "account" or "admin"'],
    ['a scope in other letters', 'account', set({ scope: 'Account' }), 'scope must be'],
    ['a scope that is a list', 'admin', set({ scope: ['admin'] }), 'scope must be'],
    ['no scope', 'admin', { $unset: { scope: 1 } }, 'scope must be "account" or "admin", but is missing'],
    ['no account', 'account', { $unset: { account_id: 1 } }, 'account_id must be a UUID in lower case'],
    ['null as account', 'account', set({ account_id: null }), 'but is of type null'],
    [
      'an account in capitals',
      'account',
      set({ account_id: 'A1B5D0C2-3E4F-4A6B-8C7D-9E0F1A2B3C4D' }),
      'account_id must be',
    ],
    ['an account that is no UUID', 'account', set({ account_id: '' }), 'account_id must be'],
    ['a list of accounts', 'account', set({ account_id: [ACCOUNT] }), 'account_id must be'],
    ['an account beside the scope admin', 'admin', set({ account_id: ACCOUNT }), 'must be absent'],
    ['a right of a later version', 'account', set({ may: ['read', 'audit'] }), 'may must be a list of read'],
    ['no rights', 'account', set({ may: [] }), 'may must be a list of read, run, write or absent'],
    ['a right that is no list', 'account', set({ may: 'read' }), 'may must be'],
    ['a right in capitals', 'account', set({ may: ['READ'] }), 'may must be'],
    ['rights in a list of lists', 'account', set({ may: [['read']] }), 'may must be'],
    ['rights of null', 'account', set({ may: null }), 'may must be'],
    ['rights by name', 'account', set({ may: { read: true } }), 'may must be'],
    [
      'rights beside the scope admin',
      'admin',
      set({ may: ['read'] }),
      'may must be absent with scope "admin"',
    ],
    ['a field of a later version', 'admin', set({ allowed_ips: [] }), 'field "allowed_ips" is unknown'],
    ['an unknown field that is null', 'account', set({ not_before: null }), 'field "not_before" is unknown'],
    [
      'an expiry as text',
      'admin',
      set({ expires_at: LATER.toJSON() }),
      'expires_at must be a date or absent',
    ],
    ['an expiry in seconds', 'admin', set({ expires_at: 1_900_000_000 }), 'expires_at must be'],
    ['an expiry as timestamp', 'admin', set({ expires_at: new Timestamp({ t: 1, i: 1 }) }), 'expires_at'],
    ['an expiry of null', 'admin', set({ expires_at: null }), 'expires_at must be'],
    ['a revocation of null', 'admin', set({ revoked_at: null }), 'revoked_at must be'],
    ['a revocation that is false', 'admin', set({ revoked_at: false }), 'revoked_at must be'],
    ['a last use as number', 'admin', set({ last_used_at: Long.fromNumber(1) }), 'last_used_at must be'],
    ['no creation', 'admin', { $unset: { created_at: 1 } }, 'created_at must be a date, but is missing'],
    ['a name that is none', 'admin', set({ name: 7 }), 'name must be a string'],
  ])('is refused like an unknown one: %s', async (_what, scope, update, problem) => {
    const { id, key } = { account, admin }[scope];
    await change(id, update);
    const unknown = await list({ 'x-api-key': 'recoup_unknown' });
    const { status, code, error } = await list({ 'x-api-key': key });
    expect([status, code, error]).toEqual([401, 'invalid_credentials', unknown.error]);
    expect(service.lines[1]).toMatchObject({
      level: 40,
      keyId: id,
      problem: expect.stringContaining(problem),
    });
  });

  test('is refused where its expiry is beyond the range of dates', () => {
    const document = { _id: 'k', hash: 'h', name: 'n', scope: 'admin', created_at: NOW };
    expect(parseKey(document).problem).toBeUndefined();
    // BSON has such dates; the driver makes this of them. No comparison with it is true.
    const { problem } = parseKey({ ...document, expires_at: new Date(Number.NaN) });
    expect(problem).toContain('expires_at must be');
    expect(parseKey({ ...document, expires_at: undefined }).problem).toContain('type undefined');
  });

  // The embedded engine stores no array in an indexed field.
  const testOnServer = process.env.MONGODB_URI ? test : test.skip;
  testOnServer('is refused where its hash is one of several', async () => {
    const { hash } = (await stored(admin.id)) ?? {};
    await change(admin.id, set({ hash: [hash, 'other'] }));
    expect(await statusWith(admin.key)).toBe(401);
    expect(JSON.stringify(service.lines)).not.toContain(hash);
  });

  test('is refused where its _id is no text, and can be revoked', async () => {
    const document = await stored(admin.id);
    await service.collections.api_keys.deleteOne({ _id: admin.id });
    const _id = new ObjectId();
    await service.db.collection('api_keys').insertOne({ ...document, _id });
    expect(await statusWith(admin.key)).toBe(401);
    expect(await service.keys.revoke(_id.toHexString(), NOW)).toMatchObject({ _id, revoked_at: NOW });
  });

  test('is logged once, and again when something else is wrong with it', async () => {
    const refusals = () => service.lines.filter(({ keyId }) => keyId === account.id).length;
    await change(account.id, { $unset: { account_id: 1 } });
    for (const seconds of [0, 3, 6]) {
      after(seconds);
      expect(await statusWith(account.key)).toBe(401);
    }
    expect(refusals()).toBe(1);
    await service.collections.api_keys.updateOne({ _id: account.id }, set({ scope: 'x' }));
    after(9);
    expect(await statusWith(account.key)).toBe(401);
    expect(refusals()).toBe(2);
  });

  test.each([
    ['null', { revoked_at: null }],
    ['a text', { revoked_at: 'yesterday', scope: 'auditor' }],
  ])('can be revoked, also where revoked_at is %s, and keeps its first revocation', async (_what, fields) => {
    await change(admin.id, set(fields));
    expect(await service.keys.revoke(admin.id, NOW)).toMatchObject({ revoked_at: NOW });
    expect(await service.keys.revoke(admin.id, LATER)).toMatchObject({ revoked_at: NOW });
  });

  test('does not count as a key that is valid, nor does one that expired or was revoked', async () => {
    const keys = new KeyStore(service.collections, pino({ level: 'silent' }));
    expect(await keys.hasValid(NOW)).toBe(true);
    await change(admin.id, set({ scope: 'auditor' }));
    await change(account.id, set({ expires_at: LATER }));
    expect(await keys.hasValid(NOW)).toBe(true);
    expect(await keys.hasValid(LATER)).toBe(false);
    await keys.revoke(account.id, NOW);
    expect(await keys.hasValid(NOW)).toBe(false);
  });
});

describe('403', () => {
  test("is the reply to an account's key that records runs, before the body is read", async () => {
    const client = createClient({ baseUrl: service.url, apiKey: account.key });
    const run = {
      id: 'r',
      status: 'QUEUED',
      taskIdentifier: 't',
      createdAt: NOW.toJSON(),
      updatedAt: NOW.toJSON(),
    } as const;
    const { error, response } = await recordRuns({ client, body: { task_id: uuid(1), runs: [run] } });
    expect([response.status, error]).toMatchObject([403, { code: 'admin_required', runs: [] }]);
    const unread = await service.request('/api/tasks/runs', {
      method: 'PUT',
      headers: { 'x-api-key': account.key },
      body: 'no JSON',
    });
    expect(unread.status).toBe(403);
    expect(await countOf(service.collections.runs)).toBe(0);
  });
});

test('a role of the spec that the code does not know is not given to the key of an account', async () => {
  const { document } = loadSpec();
  const { paths, ...others } = document;
  const get = { ...paths?.['/api/tasks']?.get, security: [{ ApiKey: ['auditor'] }] };
  const changed = { ...others, paths: { '/api/tasks': { get } } };
  const app = express();
  app.use(credentials({ auth: 'required', keys: service.keys, now: () => NOW, document: changed }));
  app.use((_request, response) => void response.end());
  app.use(((error, _request, response, _next) => {
    response.status(error.code === 'admin_required' ? 403 : 500).end();
  }) satisfies ErrorRequestHandler);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port }: Pick<AddressInfo, 'port'> = JSON.parse(JSON.stringify(server.address()));
  const statusOf = async (key: string) =>
    (await fetch(`http://127.0.0.1:${port}/api/tasks`, { headers: { 'x-api-key': key } })).status;
  const statuses = [await statusOf(account.key), await statusOf(admin.key)];
  server.close();
  expect(statuses).toEqual([403, 200]);
});

test('other names and origins are no matter where there are credentials', async () => {
  const socket = connect(service.port, '127.0.0.1');
  const headers = `Host: tasks.example\r\nOrigin: https://other.example\r\nx-api-key: ${admin.key}\r\n`;
  socket.write(`GET /api/tasks HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`);
  expect(await text(socket)).toMatch(/^HTTP\/1.1 200/);
});

test("two callers' equal Idempotency-Keys are two keys, and one account's are one", async () => {
  await service.collections.tasks.deleteMany({});
  const second = await service.keys.create({ name: 'second', accountId: ACCOUNT }, NOW);
  const other = await service.keys.create({ name: 'other', accountId: OTHER_ACCOUNT }, NOW);
  const create = async (key: string, account_id: string) => {
    const client = createClient({ baseUrl: service.url, apiKey: key });
    const body = { title: 'T', prompt: 'P', schedule: '0 9 * * 4', account_id, artist_account_id: ARTIST };
    const { data } = await createTask({ client, body, headers: { 'Idempotency-Key': 'same' } });
    return data?.tasks[0]?.id;
  };
  const first = await create(account.key, ACCOUNT);
  expect(await create(second.key, ACCOUNT)).toBe(first);
  expect(await create(other.key, OTHER_ACCOUNT)).not.toBe(first);
  expect(await create(admin.key, ACCOUNT)).not.toBe(first);
  expect(await countOf(service.collections.tasks)).toBe(3);
});

test('a database that cannot be asked about keys is 503, not 401', async () => {
  const { findOne } = service.collections.api_keys;
  service.collections.api_keys.findOne = () =>
    Promise.reject(new MongoServerError({ message: 'no', code: 91 }));
  try {
    const { status, code } = await list({ 'x-api-key': 'recoup_never_seen' });
    expect([status, code]).toEqual([503, 'database_unavailable']);
  } finally {
    service.collections.api_keys.findOne = findOne;
  }
});
