/** The service as a process that executes tasks. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MongoClient } from 'mongodb';
import type { Run, Task } from '../../generated/types.gen.ts';
import { findRunningEmbedded } from '../../src/embedded/index.ts';
import { ACCOUNT, ARTIST, task, uuid } from '../support/builders.ts';
import { checkedFetch } from '../support/contract.ts';
import { codeBlock } from '../support/documents.ts';
import { isLong } from '../support/long.ts';
import { killAll, run, runProgram, runService } from '../support/process.ts';
import { openTestDatabase } from '../support/service.ts';

let database: Awaited<ReturnType<typeof openTestDatabase>>;
let environment: Record<string, string>;

beforeEach(async () => {
  database = await openTestDatabase();
  environment = { MONGODB_URI: database.uri, MONGODB_DATABASE: database.name };
});
afterEach(async () => {
  killAll();
  await database.close();
});
afterAll(killAll);

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A command that executes for as long as a test needs. */
const WORK = 'exec sleep 300';
const PROMPT = 'node -p "JSON.parse(fs.readFileSync(0)).task.prompt"';
/** A key of Standard Webhooks. */
const SECRET = `whsec_${'A'.repeat(40)}`;

const ago = (ms: number) => new Date(Date.now() - ms);
const json = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
});

async function runNow(url: string, task_id = uuid(1)): Promise<Run> {
  const response = await checkedFetch(`${url}/api/tasks/runs`, json({ task_id }));
  expect(response.status).toBe(200);
  const { runs } = await response.json();
  return runs[0];
}

async function runOf(url: string, id: string): Promise<Run> {
  const { runs } = await (await checkedFetch(`${url}/api/tasks/runs?runId=${id}`)).json();
  return runs[0];
}

/** The run, when it has a status. */
async function runWith(url: string, id: string, status: string): Promise<Run> {
  for (;;) {
    const found = await runOf(url, id);
    if (found.status === status) return found;
    await pause(50);
  }
}

async function readiness(url: string): Promise<unknown> {
  return (await checkedFetch(`${url}/health/ready`)).json();
}

/** Resolves when the engine of a process is active, or idle. */
async function becomes(url: string, state: 'active' | 'idle', kind = 'command') {
  const wanted = JSON.stringify({ status: 'ready', engine: { kind, state } });
  while (JSON.stringify(await readiness(url)) !== wanted) await pause(50);
}

/** The service with an engine that is active. */
async function runEngine(settings: Record<string, string>) {
  const service = await runService({ ...environment, ...settings });
  await becomes(service.url, 'active', settings.RUN_URL === undefined ? 'command' : 'url');
  return service;
}

/** An engine has run on the database before, so that fire times since then are its own. */
const anEngineRanBefore = () =>
  database.collections.engine.insertOne({
    _id: 'engine',
    kind: 'command',
    at: ago(HOUR),
    live_since: ago(HOUR),
    first_at: ago(HOUR),
  });

/** The plan of a task whose fire times count from then on. A task whose two instants differ is planned again from now. */
function plannedFrom(instant: Date) {
  return { plan_from: instant, next_fire_at: instant };
}

const makeDue = (_id: string) =>
  database.collections.tasks.updateOne({ _id }, { $set: plannedFrom(ago(MINUTE)) });

test("the README's five lines start the service, create a task, and show its run with the output", async () => {
  const lines = await codeBlock('README.md', 'Run your tasks', 'sh');
  const [start = '', ...others] = lines.trim().split('\n');
  expect(others).toHaveLength(4);
  const [, command = ''] = /^RUN_COMMAND='([^']+)' npm start &$/.exec(start) ?? [];
  await anEngineRanBefore();
  const service = await runService({ ...environment, RUN_COMMAND: command });
  // Instead of the minute until the task is due, the test makes it due.
  const folder = await mkdtemp(join(tmpdir(), 'recoup-lines-'));
  const waits = `sleep() { [ "$1" = 1 ] || echo waiting; while [ "$1" != 1 ] && [ ! -e due ]; do :; done; }\n`;
  const script = others.join('\n').replaceAll('http://127.0.0.1:3000', service.url);
  const reader = runProgram('sh', ['-euc', isLong ? script : waits + script], {}, folder);
  if (!isLong) {
    await reader.printed('waiting');
    const [created] = await database.collections.tasks.find({}).toArray();
    await makeDue(created?._id ?? '');
    while ((await database.collections.runs.findOne({}))?.status !== 'COMPLETED') await pause(50);
    await runProgram('touch', ['due'], {}, folder).ended;
  }
  const { code, stdout } = await reader.ended;
  expect(code).toBe(0);
  const shown: { tasks: Task[] } = JSON.parse(stdout.split(/(?=\{"status":)/).at(-1) ?? '');
  // A minute may begin meanwhile, in which the task fires again.
  const shownRun = expect.objectContaining({ status: 'COMPLETED', output: 'SAY HELLO' });
  expect(shown.tasks).toMatchObject([
    { schedule: '* * * * *', recent_runs: expect.arrayContaining([shownRun]) },
  ]);
  await rm(folder, { recursive: true });
});

describe('a service with an engine', () => {
  test('fires a due task and runs it on request, and the log names tasks and runs', async () => {
    await anEngineRanBefore();
    await database.collections.tasks.insertMany([
      task(1, { schedule: '* * * * *', ...plannedFrom(ago(MINUTE)) }),
      task(2, { schedule: '0 0 1 1 *', enabled: false, prompt: 'By hand.' }),
    ]);
    const service = await runEngine({ RUN_COMMAND: PROMPT });
    const manual = await runNow(service.url, uuid(2));
    expect(await runWith(service.url, manual.id, 'COMPLETED')).toMatchObject({
      payload: { type: 'manual' },
      output: 'By hand.',
    });
    let scheduled: Run | undefined;
    while (scheduled?.status !== 'COMPLETED') {
      const reply = await checkedFetch(`${service.url}/api/tasks/runs?task_id=${uuid(1)}`);
      [scheduled] = (await reply.json()).runs;
    }
    expect(await runOf(service.url, scheduled.id)).toMatchObject({
      payload: { type: 'scheduled' },
      output: 'Write a caption.',
    });
    const log = await service.printed('will fire in the next hour');
    expect(log).toContain('"msg":"tasks that will fire in the next hour: 1"');
    expect(log).toMatch(new RegExp(`"taskId":"${uuid(2)}","runId":"${manual.id}"[^\\n]*"msg":"run ended"`));
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('loads no sample data, and leaves stored samples alone until they are enabled', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'recoup-samples-'));
    const alone = { MONGODB_URI: '', MONGODB_DATABASE: 'recoup', DATA_DIR: dataDir };
    const empty = await runEngine({ ...alone, RUN_COMMAND: PROMPT });
    expect((await (await checkedFetch(`${empty.url}/api/tasks`)).json()).tasks).toEqual([]);
    empty.kill('SIGTERM');
    await empty.ended;
    const plain = await runService(alone);
    const { tasks }: { tasks: Task[] } = await (await checkedFetch(`${plain.url}/api/tasks`)).json();
    expect(await readiness(plain.url)).toEqual({ status: 'ready' });
    plain.kill('SIGTERM');
    await plain.ended;
    const sample = tasks.find(({ enabled, upcoming }) => enabled && upcoming.length > 0);
    const service = await runEngine({ ...alone, RUN_COMMAND: PROMPT });
    expect(await service.printed('will fire in the next hour')).toContain('"tasks":0');
    const client = new MongoClient((await findRunningEmbedded(dataDir)) ?? '');
    const stored = client.db('recoup').collection('tasks');
    const planned = await stored.find({ next_fire_at: { $exists: true } }).toArray();
    const enabled = await stored.find({ enabled: true }).toArray();
    await client.close();
    expect([planned, enabled.length > 0]).toEqual([[], true]);
    const change = { ...json({ id: sample?.id, schedule: '* * * * *' }), method: 'PATCH' };
    expect((await checkedFetch(`${service.url}/api/tasks`, change)).status).toBe(200);
    service.kill('SIGTERM');
    await service.ended;
    const again = await runEngine({ ...alone, RUN_COMMAND: PROMPT });
    expect(await again.printed('will fire in the next hour')).toContain('"tasks":1');
    again.kill('SIGTERM');
    await again.ended;
    await rm(dataDir, { recursive: true });
  });

  test('exports what is due, how late it starts, and what waits, executes and ends', async () => {
    await anEngineRanBefore();
    // Due in the current minute, and then tomorrow: the counts stay the same when the next minute begins.
    const now = new Date();
    const schedule = `${now.getUTCMinutes()} ${now.getUTCHours()} * * *`;
    await database.collections.tasks.insertMany([
      task(1, { schedule, ...plannedFrom(ago(2 * MINUTE)) }),
      task(2, { enabled: false }),
    ]);
    const service = await runEngine({ RUN_COMMAND: 'exit 3', RUN_CONCURRENCY: '1', METRICS_PORT: '0' });
    const url = /"metrics":"([^"]+)"/.exec(await service.printed('serving metrics'))?.[1] ?? '';
    await runWith(service.url, (await runNow(service.url, uuid(2))).id, 'FAILED');
    const text = async () => (await fetch(url)).text();
    while (!(await text()).includes('engine_attempts_total{outcome="failed"} 2')) await pause(50);
    expect(await text()).toContain('engine_due_total{outcome="fired"} 1');
    expect(await text()).toContain('engine_late_seconds_count 2');
    expect(await text()).toMatch(/^engine_active 1$/m);
    expect(await text()).toMatch(/^engine_lost_leases_total 0$/m);
    for (const name of ['engine_runs_queued', 'engine_runs_running'])
      expect(await text()).toMatch(new RegExp(`^${name} \\d`, 'm'));
    service.kill('SIGTERM');
    await service.ended;
  });
});

test("the documentation's receiver takes runs, and refuses what is not signed", async () => {
  const source = await codeBlock('docs/running-tasks.md', 'Choose an executor', 'js');
  const listens = ".listen(4000, '127.0.0.1')";
  expect(source).toContain(listens);
  const print = ".listen(0, '127.0.0.1', function () { console.log(`port ${this.address().port}.`); })";
  const args = ['--input-type=module', '--eval', source.replace(listens, print)];
  const receiver = runProgram(process.execPath, args, { RUN_URL_SECRET: SECRET });
  const [, port] = /port (\d+)/.exec(await receiver.printed(/port \d+\./)) ?? [];
  const url = `http://127.0.0.1:${port}/runs`;
  expect((await fetch(url, json({ task: {} }))).status).toBe(401);
  await database.collections.tasks.insertOne(task(1));
  const service = await runEngine({ RUN_URL: url, RUN_URL_SECRET: SECRET });
  const { id } = await runNow(service.url);
  expect(await runWith(service.url, id, 'COMPLETED')).toMatchObject({
    output: { shouted: 'WRITE A CAPTION.' },
  });
  service.kill('SIGTERM');
  expect(await service.ended).toMatchObject({ code: 0 });
  receiver.kill('SIGTERM');
  await receiver.ended;
});

describe('settings', () => {
  test.each([
    [
      { RUN_COMMAND: 'true', RUN_URL: 'http://127.0.0.1:9', RUN_URL_SECRET: SECRET },
      'RUN_COMMAND, RUN_URL: only one of them can execute tasks; set one',
    ],
    [{ RUN_COMMAND: 'true', HOST: '0.0.0.0', AUTH: 'none' }, 'AUTH: with AUTH=none, any host'],
  ])('that cannot be used stop the start: %j', async (settings, problem) => {
    const { code, stderr } = await run('src/main.js', { ...environment, PORT: '0', ...settings }).ended;
    expect(code).toBe(1);
    expect(stderr).toContain(problem);
    expect(stderr).not.toContain('    at ');
  });

  test('keys and base URLs alone start no engine', async () => {
    const service = await runService({
      ...environment,
      OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
      OPENAI_API_KEY: 'x',
      RUN_URL_SECRET: SECRET,
    });
    while (JSON.stringify(await readiness(service.url)) !== '{"status":"ready"}') await pause(50);
    service.kill('SIGTERM');
    expect((await service.ended).stdout).not.toContain('will fire in the next hour');
  });
});

describe('told to end by SIGTERM', () => {
  test.each([
    ['a run that ends within the grace is COMPLETED', 'sleep 1; echo done', '8', 'COMPLETED'],
    ['a run that takes longer is INTERRUPTED', WORK, '1', 'INTERRUPTED'],
    [
      'so is one whose command ignores SIGTERM',
      `trap '' TERM; while :; do sleep 1; done`,
      '0',
      'INTERRUPTED',
    ],
  ])('%s', async (_what, command, grace, status) => {
    await database.collections.tasks.insertOne(task(1, { enabled: false, max_attempts: 3 }));
    const service = await runEngine({ RUN_COMMAND: command, RUN_GRACE_SECONDS: grace });
    const { id } = await runNow(service.url);
    // The status EXECUTING is stored before the command starts.
    await service.printed('"msg":"run started"');
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(await database.collections.runs.findOne({ _id: id })).toMatchObject({ status });
    expect(await database.collections.run_queue.find({}).toArray()).toEqual([]);
  });

  test('a start that fails leaves nothing running', async () => {
    const first = await runService(environment);
    const port = new URL(first.url).port;
    const second = run('src/main.js', { ...environment, PORT: port, RUN_COMMAND: WORK });
    expect(await second.ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('address already in use'),
      stdout: expect.not.stringContaining('shutdown took too long'),
    });
    first.kill('SIGTERM');
    await first.ended;
  });
});

describe('on one database', () => {
  test('a copy without an engine queues runs for the one that has it, and an engine of another kind stays idle', async () => {
    await database.collections.tasks.insertOne(task(1));
    const engine = await runEngine({ RUN_COMMAND: PROMPT });
    const plain = await runService(environment);
    const other = await runService({ ...environment, RUN_URL: 'http://127.0.0.1:9', RUN_URL_SECRET: SECRET });
    await other.printed(
      'an engine of another kind was live within the last 60 seconds; this one stays idle until 60 seconds after that one stops',
    );
    await becomes(other.url, 'idle', 'url');
    for (const { url } of [plain, other]) {
      await runWith(url, (await runNow(url)).id, 'COMPLETED');
    }
    for (const service of [engine, plain, other]) service.kill('SIGTERM');
    for (const service of [engine, plain, other]) expect(await service.ended).toMatchObject({ code: 0 });
    expect((await other.ended).stdout).not.toContain('"msg":"run started"');
  });

  test('without an engine, runTask is 409, and runs of an engine that was removed expire', async () => {
    await database.collections.tasks.insertOne(task(1));
    const entry = {
      _id: 'run_forgotten',
      slot: 'run_forgotten',
      task_id: uuid(1),
      account_id: ACCOUNT,
      trigger: 'manual',
      scheduled_at: null,
      due_at: ago(25 * HOUR),
      not_before: ago(25 * HOUR),
      serial: true,
      owner: null,
      fence: 0,
      beat: 0,
      tries: 0,
    } as const;
    await database.collections.run_queue.insertOne(entry);
    const service = await runService(environment);
    const refused = await checkedFetch(`${service.url}/api/tasks/runs`, json({ task_id: uuid(1) }));
    expect([refused.status, (await refused.json()).code]).toEqual([409, 'no_engine']);
    await service.printed('no engine started within 24 hours');
    expect(await runOf(service.url, 'run_forgotten')).toMatchObject({
      status: 'CANCELED',
      expiredAt: expect.any(String),
    });
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0 });
  });

  test('an engine that fails fails no request', async () => {
    const queue = database.client.db(database.name).collection('run_queue');
    // Another tool wrote what no engine can execute.
    await queue.insertOne({ slot: 'x', owner: null, account_id: 'x', not_before: new Date(0) });
    await database.client
      .db(database.name)
      .collection('tasks')
      .insertOne(Object({ ...task(2), schedule: 7, plan_from: 'x', next_fire_at: new Date(0) }));
    await database.collections.tasks.insertOne(task(1));
    const service = await runEngine({ RUN_URL: 'http://127.0.0.1:9/refused', RUN_URL_SECRET: SECRET });
    const { id } = await runNow(service.url);
    await runWith(service.url, id, 'REATTEMPTING');
    for (const path of ['/api/tasks', '/api/tasks/runs', '/api/tasks/occurrences', '/health/ready'])
      expect([path, (await fetch(`${service.url}${path}`)).status]).toEqual([path, 200]);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0 });
  });
});

/** A lease lasts half a minute. */
const testLong = isLong ? test : test.skip;
describe('killed by SIGKILL during a run', () => {
  testLong.each([
    [undefined, 'CRASHED', 1],
    [2, 'EXECUTING', 2],
  ])(
    'with max_attempts %s, the run is %s within a minute of the next start',
    async (max_attempts, status, attempts) => {
      await database.collections.tasks.insertOne(
        task(1, { enabled: false, ...(max_attempts && { max_attempts }) }),
      );
      const first = await runEngine({ RUN_COMMAND: WORK });
      const { id } = await runNow(first.url);
      await runWith(first.url, id, 'EXECUTING');
      first.kill('SIGKILL');
      await first.ended;
      const second = await runEngine({ RUN_COMMAND: WORK });
      let found = await runOf(second.url, id);
      for (const since = Date.now(); Date.now() - since < MINUTE; await pause(100)) {
        found = await runOf(second.url, id);
        if (found.status === status && found.attempts?.length === attempts) break;
      }
      expect(found).toMatchObject({
        status,
        attempts: Array.from({ length: attempts }, () => expect.anything()),
      });
    },
  );
});

test('a run that executes can be canceled from any copy', async () => {
  await database.collections.tasks.insertOne(task(1, { artist_account_id: ARTIST }));
  const engine = await runEngine({ RUN_COMMAND: WORK });
  const plain = await runService(environment);
  const { id } = await runNow(plain.url);
  await runWith(plain.url, id, 'EXECUTING');
  const reply = await checkedFetch(`${plain.url}/api/tasks/runs/cancel`, json({ runId: id }));
  expect((await reply.json()).runs).toMatchObject([{ id, status: 'EXECUTING' }]);
  await runWith(plain.url, id, 'CANCELED');
  for (const service of [engine, plain]) service.kill('SIGTERM');
  for (const service of [engine, plain]) expect(await service.ended).toMatchObject({ code: 0 });
});
