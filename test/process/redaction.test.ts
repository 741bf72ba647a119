import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Writable } from 'node:stream';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MongoBulkWriteError, MongoClient, MongoServerError } from 'mongodb';
import { createLog } from '../../src/lib/log.ts';
import { findRunningEmbedded } from '../../src/embedded/index.ts';
import { ACCOUNT, ARTIST, task, uuid } from '../support/builders.ts';
import { killAll, run, runCommand, runService } from '../support/process.ts';

/** A text that occurs nowhere but where the test puts it. */
const seed = (name: string) => `seeded-${name}-mark-of-the-test`;

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'recoup-redaction-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));
afterAll(killAll);

const body = (fields: Record<string, unknown>) =>
  JSON.stringify({
    title: seed('title'),
    prompt: seed('prompt'),
    schedule: '0 9 * * 4',
    account_id: ACCOUNT,
    artist_account_id: ARTIST,
    ...fields,
  });

/** Every way of asking that has something in it which is nobody else's business. */
async function askEverything(url: string, key: string) {
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, init);
    await response.arrayBuffer();
    return response.status;
  };
  const json = { 'x-api-key': key, 'Content-Type': 'application/json' };
  const create = (content: string, headers: Record<string, string> = {}) =>
    ask('/api/tasks', { method: 'POST', headers: { ...json, ...headers }, body: content });
  return {
    goodKey: await ask('/api/tasks', { headers: { 'x-api-key': key } }),
    goodBearer: await ask('/api/tasks', { headers: { Authorization: `Bearer ${key}` } }),
    badKey: await ask('/api/tasks', { headers: { 'x-api-key': `recoup_${seed('bad-key')}` } }),
    badBearer: await ask('/api/tasks', { headers: { Authorization: `Bearer ${seed('bad-bearer')}` } }),
    basic: await ask('/api/tasks', { headers: { Authorization: `Basic ${seed('basic')}` } }),
    cookie: await ask('/api/tasks', { headers: { 'x-api-key': key, Cookie: `session=${seed('cookie')}` } }),
    created: await create(body({}), { 'Idempotency-Key': seed('idempotency-key') }),
    reused: await create(body({ title: 'Other' }), { 'Idempotency-Key': seed('idempotency-key') }),
    wrongBody: await create(body({ [seed('field')]: 1, schedule: seed('schedule') })),
    brokenBody: await create(`{"title": "${seed('broken')}", `),
    query: await ask(`/api/tasks?id=${seed('query')}&${seed('parameter')}=1`, { headers: json }),
    noPath: await ask(`/nothing?${seed('query-of-nothing')}`, { headers: json }),
    misspelt: await ask(`/api/tasks&key=${seed('misspelt')}`, { headers: json }),
    encoded: await ask(`/api/tasks%3Fkey=${seed('encoded')}`, { headers: json }),
    noFile: await ask(`/docs/${seed('file')}`),
    longUrl: await ask(`/api/tasks?${seed('long').repeat(600)}`, { headers: json }),
    bigHeaders: await ask('/api/tasks', {
      headers: { ...json, 'x-a': `${seed('header')}${'x'.repeat(90_000)}` },
    }),
  };
}

async function sendRaw(url: string, bytes: string) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  return text(socket);
}

describe('what the service writes, at its most talkative', () => {
  test('names keys, and has no key, no header, no query and no body in it, also of what fails', async () => {
    const made = await runCommand('keys', { DATA_DIR: dataDir }, [
      'create',
      '--name',
      'of-the-test',
      '--admin',
    ]).ended;
    const key = made.stdout.trim();
    const service = await runService({
      DATA_DIR: dataDir,
      AUTH: 'required',
      LOG_LEVEL: 'trace',
      SAMPLE_DATA: 'off',
    });
    const statuses = await askEverything(service.url, key);
    expect(statuses).toEqual({
      goodKey: 200,
      goodBearer: 200,
      badKey: 401,
      badBearer: 401,
      basic: 401,
      cookie: 200,
      created: 200,
      reused: 422,
      wrongBody: 400,
      brokenBody: 400,
      query: 400,
      noPath: 404,
      misspelt: 404,
      encoded: 404,
      noFile: 404,
      longUrl: 414,
      bigHeaders: 431,
    });
    expect(await sendRaw(service.url, `${seed('no-http')}\r\n\r\n`)).toMatch(/^HTTP\/1.1 400/);
    expect(
      await sendRaw(service.url, `GET / HTTP/1.1\r\nx-api-key: ${seed('cut')}\r\n${' '}\r\n\r\n`),
    ).toContain('400');
    // What another tool wrote, so that the listing fails in the middle of the service's own code.
    const client = new MongoClient((await findRunningEmbedded(dataDir)) ?? '');
    const broken: Record<string, unknown>[] = [1, 2].map((number) => ({
      ...task(number),
      account_id: uuid(9),
      title: seed('stored'),
      created_at: seed('instant'),
    }));
    await client.db('recoup').collection('tasks').insertMany(broken);
    await client.close();
    const failed = await fetch(`${service.url}/api/tasks?account_id=${uuid(9)}&limit=1`, {
      headers: { 'x-api-key': key },
    });
    expect(failed.status).toBe(500);
    service.kill('SIGTERM');
    const { code, stdout, stderr } = await service.ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('"key":"of-the-test"');
    expect(stdout).toContain('"code":"internal_error"');
    expect(stdout).not.toContain('mark-of-the-test');
    expect(stdout).not.toContain(key.slice('recoup_'.length, 20));
  });

  test.each([
    {
      RUN_COMMAND: `cat >&2; echo "${seed('stderr')} $WORK_TOKEN" >&2; exit 3`,
      RUN_COMMAND_ENV: 'WORK_TOKEN',
      WORK_TOKEN: seed('token'),
    },
    {
      RUN_URL: 'RECEIVER',
      RUN_URL_SECRET: `whsec_${Buffer.from(seed('url-secret')).toString('base64')}`,
    },
    { RUN_CHAT_URL: 'RECEIVER', RUN_CHAT_KEY: seed('chat-key') },
    { RUN_MODEL: 'any', OPENAI_BASE_URL: 'RECEIVER', OPENAI_API_KEY: seed('api-key') },
    { TRIGGER_TASK: 'any', TRIGGER_API_URL: 'RECEIVER', TRIGGER_SECRET_KEY: seed('secret-key') },
  ])('about a run that fails has no secret, prompt, output or error text in it: %j', async (engine) => {
    // Refuses everything, and repeats what it was sent.
    const receiver = createServer(async (request, response) => {
      response.statusCode = 400;
      response.end(`${JSON.stringify(request.headers)} ${await text(request)}`);
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const address = receiver.address();
    const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const settings = Object.fromEntries(
      Object.entries(engine).map(([name, value]) => [name, value === 'RECEIVER' ? origin : value]),
    );
    const service = await runService({ DATA_DIR: dataDir, LOG_LEVEL: 'trace', ...settings });
    const post = async (path: string, content: string) => {
      const headers = { 'Content-Type': 'application/json' };
      const reply = await fetch(`${service.url}${path}`, { method: 'POST', headers, body: content });
      expect(reply.status).toBe(200);
      return reply.json();
    };
    await service.printed(/will fire in the next hour|leader of the synchronization with Trigger.dev/);
    const { tasks } = await post('/api/tasks', body({}));
    const job = { task_id: tasks[0].id, payload: seed('payload') };
    await post('/api/tasks/runs', JSON.stringify(job));
    const log = await service.printed('"msg":"run ended"');
    expect(log).toContain('"status":"FAILED"');
    service.kill('SIGTERM');
    const { code, stdout, stderr } = await service.ended;
    receiver.close();
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).not.toContain('mark-of-the-test');
    expect(stdout).not.toContain(Buffer.from(seed('url-secret')).toString('base64'));
  });

  test.each([
    ['that nobody answers', 'mongodb://user:SECRET@127.0.0.1:9/'],
    ['of a server list', 'mongodb+srv://user:SECRET@nowhere.invalid/'],
    ['with a colon in the password', 'mongodb://user:a:SECRET@127.0.0.1:9/'],
    ['with a slash in the password', 'mongodb://user:a/SECRET@127.0.0.1:9/'],
    ['with a bad escape', 'mongodb://user:%SECRET@127.0.0.1:9/'],
    ['with an unknown option', 'mongodb://user:SECRET@127.0.0.1:9/?surprise=SECRET'],
    ['with a wrong option', 'mongodb://user:SECRET@127.0.0.1:9/?maxPoolSize=many'],
    ['of another scheme', 'postgres://user:SECRET@127.0.0.1:9/'],
    ['without a host', 'mongodb://user:SECRET@'],
    ['that was cut off at a # in the password', 'mongodb://user:SECRET'],
    ['with a # in the password', 'mongodb://user:SECRET#SECRET@127.0.0.1:9/'],
  ])('about a connection string %s has no password in it', async (_what, uri) => {
    const password = seed('password');
    const environment = { MONGODB_URI: uri.replaceAll('SECRET', password), PORT: '0', LOG_LEVEL: 'trace' };
    const starting = run('src/main.js', environment);
    // It ends, or says that it waits for its database.
    await Promise.race([starting.ended, starting.printed(/database/i).catch(() => '')]);
    starting.kill('SIGTERM');
    const { stdout, stderr } = await starting.ended;
    expect(stdout + stderr).not.toBe('');
    expect(stdout + stderr).not.toContain('mark-of-the-test');
  });
});

test('an error is logged by its type, message, code, stack and causes, and not by what else it carries', () => {
  let written = '';
  const log = createLog(
    'trace',
    new Writable({
      write(chunk, _encoding, done) {
        written += String(chunk);
        done();
      },
    }),
  );
  const refused = new MongoServerError({
    message: 'Document failed validation',
    code: 121,
    errInfo: { details: { consideredValue: seed('value') } },
    keyValue: { hash: seed('key-value') },
  });
  const writing = new MongoBulkWriteError(
    { message: 'some writes failed', code: 11_000, writeErrors: [] },
    Object({}),
  );
  Object.assign(writing, { writeErrors: [{ err: { op: { prompt: seed('operation') } } }], cause: refused });
  log.error({ err: writing }, 'request failed');
  expect(JSON.parse(written)).toMatchObject({
    err: {
      type: 'MongoBulkWriteError',
      message: 'some writes failed',
      code: 11_000,
      stack: expect.stringContaining('redaction.test'),
      cause: { type: 'MongoServerError', code: 121 },
    },
  });
  expect(written).not.toContain('mark-of-the-test');
});
