import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { checkedFetch } from '../support/contract.ts';
import { codeBlock } from '../support/documents.ts';
import { killAll, run, runCommand, runService } from '../support/process.ts';
import { startProxy } from '../support/proxy.ts';
import { openTestDatabase } from '../support/service.ts';

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'recoup-process-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));
afterAll(killAll);

const idsAt = async (url: string) => {
  const { tasks } = await (await checkedFetch(`${url}/api/tasks`)).json();
  return tasks.map(({ id }: { id: string }) => id);
};

describe('the service as a process, on the embedded engine', () => {
  test('starts with sample data, and ends cleanly on SIGTERM', async () => {
    const service = await runService({ DATA_DIR: dataDir });
    expect((await idsAt(service.url)).length).toBeGreaterThanOrEqual(12);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  });

  test('ends cleanly on SIGINT too', async () => {
    const service = await runService({ DATA_DIR: dataDir });
    service.kill('SIGINT');
    expect(await service.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  });

  test('ends cleanly when it is told to while it starts, or while somebody holds a silent connection', async () => {
    const starting = run('src/main.js', { PORT: '0', DATA_DIR: dataDir });
    await starting.printed('opened the database');
    starting.kill('SIGTERM');
    expect(await starting.ended).toMatchObject({ code: 0 });

    const service = await runService({ DATA_DIR: dataDir });
    const { hostname, port } = new URL(service.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    await checkedFetch(`${service.url}/api/tasks`);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0 });
    socket.destroy();
  });

  test('prints readable lines on a terminal', async () => {
    const source = 'process.stdout.isTTY = true';
    const service = run('src/main.js', {
      PORT: '0',
      DATA_DIR: dataDir,
      NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(source)}`,
    });
    const shown = await service.printed(/data: .*\n/);
    expect(shown).toMatch(/API: {2}http:\/\/127\.0\.0\.1:\d+\/api\/tasks\n {4}docs: http/);
    expect(shown).not.toContain('"level"');
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0 });
  });

  test('stays empty when sample data is off', async () => {
    const service = await runService({ DATA_DIR: dataDir, SAMPLE_DATA: 'off' });
    expect(await idsAt(service.url)).toEqual([]);
    service.kill('SIGTERM');
    await service.ended;
  });

  test('has the same tasks after it was killed and started again', async () => {
    const first = await runService({ DATA_DIR: dataDir });
    const ids = await idsAt(first.url);
    first.kill('SIGKILL');
    await first.ended;
    const second = await runService({ DATA_DIR: dataDir });
    expect(await idsAt(second.url)).toEqual(ids);
    second.kill('SIGTERM');
    expect(await second.ended).toMatchObject({ code: 0 });
  });

  test('refuses to start on a folder that another one uses, and says why', async () => {
    const first = await runService({ DATA_DIR: dataDir });
    const second = await run('src/main.js', { PORT: '0', DATA_DIR: dataDir }).ended;
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(dataDir);
    expect(second.stderr).not.toContain('    at ');
    expect((await idsAt(first.url)).length).toBeGreaterThan(0);
    first.kill('SIGTERM');
    await first.ended;
  });

  test('lets the seed script fill the database while it runs', async () => {
    const service = await runService({ DATA_DIR: dataDir, SAMPLE_DATA: 'off' });
    const args = ['--accounts', '2', '--tasks', '5', '--runs', '1'];
    const seed = await runCommand('seed', { DATA_DIR: dataDir }, args).ended;
    expect(seed).toMatchObject({ code: 0 });
    expect(await idsAt(service.url)).toHaveLength(5);
    service.kill('SIGTERM');
    await service.ended;
  });
});

describe('the service as a process', () => {
  test('has read the tasks once before it listens, so that the first caller does not wait longer, and logs none of it', async () => {
    const database = await openTestDatabase();
    const proxy = await startProxy(database.uri);
    try {
      const service = await runService({ MONGODB_URI: proxy.uri, MONGODB_DATABASE: database.name });
      const log = await service.printed('listening');
      expect(proxy.sent()).toContain('find\0\x06\0\0\0tasks\0');
      expect(log).not.toContain('"msg":"request"');
      await checkedFetch(`${service.url}/api/tasks`);
      await service.printed('"msg":"request"');
      service.kill('SIGTERM');
      expect(await service.ended).toMatchObject({ code: 0, stderr: '' });
    } finally {
      killAll();
      await proxy.close();
      await database.close();
    }
  });

  test('says which setting is wrong, without a stack trace', async () => {
    const { code, stderr } = await run('src/main.js', { DATA_DIR: dataDir, PORT: 'http' }).ended;
    expect(code).toBe(1);
    expect(stderr).toContain('PORT: "http" is not a valid port');
    expect(stderr).not.toContain('    at ');
  });

  test('asks for keys on an address that others can reach, and says that there are none yet', async () => {
    const service = await runService({ DATA_DIR: dataDir, HOST: '0.0.0.0' });
    const log = await service.printed('there is no valid API key');
    expect(log).toContain('"auth":"required"');
    const url = service.url.replace('0.0.0.0', '127.0.0.1');
    expect((await checkedFetch(`${url}/api/tasks`)).status).toBe(401);
    service.kill('SIGTERM');
    await service.ended;
  });

  test('warns where it asks for none, on an address that others can reach, and answers loopback names alone', async () => {
    const service = await runService({
      DATA_DIR: dataDir,
      HOST: '0.0.0.0',
      AUTH: 'none',
      SAMPLE_DATA: 'off',
    });
    const log = await service.printed('a loopback Host header');
    expect(log).toMatch(/"level":40[^\n]*AUTH=none/);
    expect((await checkedFetch(`${service.url}/api/tasks`)).status).toBe(403);
    expect(await idsAt(service.url.replace('0.0.0.0', '127.0.0.1'))).toEqual([]);
    service.kill('SIGTERM');
    await service.ended;
  });

  test('keeps runs for as long as it is told', async () => {
    const seeded = ['--accounts', '1', '--tasks', '2', '--runs', '9'];
    await runCommand('seed', { DATA_DIR: dataDir }, seeded).ended;
    const service = await runService({ DATA_DIR: dataDir, RUN_RETENTION_DAYS: '1' });
    expect(await service.printed('deleted old runs')).toContain('"days":1');
    const { runs } = await (await checkedFetch(`${service.url}/api/tasks/runs?limit=100`)).json();
    expect(runs.length).toBeLessThan(18);
    expect(runs.length).toBeGreaterThanOrEqual(10);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0 });
  });

  test('says that its port is taken', async () => {
    const first = await runService({ DATA_DIR: dataDir });
    const port = new URL(first.url).port;
    const { code, stderr } = await run('src/main.js', { DATA_DIR: join(dataDir, 'other'), PORT: port }).ended;
    expect(code).toBe(1);
    expect(stderr).toContain(`address already in use 127.0.0.1:${port}`);
    first.kill('SIGTERM');
    await first.ended;
  });

  test('says that the database of MONGODB_URI cannot be reached, without its password, and waits', async () => {
    const service = await runService({ MONGODB_URI: 'mongodb://user:hunter2@127.0.0.1:9/' });
    const log = await service.printed('waiting for the database');
    expect(log).toContain('ECONNREFUSED 127.0.0.1:9');
    service.kill('SIGTERM');
    const { code, stdout, stderr } = await service.ended;
    expect(code).toBe(0);
    expect(stdout + stderr).not.toContain('hunter2');
  });
});

test('the documented requests have the replies that are shown, fire times aside', async () => {
  const service = await runService({ DATA_DIR: dataDir });
  const replyTo = async (request: string): Promise<unknown> => {
    const { pathname, search } = new URL(/'(http:[^']+)'/.exec(request)?.[1] ?? '');
    return (await checkedFetch(`${service.url}${pathname}${search}`)).json();
  };
  const shown: { tasks: { upcoming: string[] }[] } = JSON.parse(
    await codeBlock('README.md', 'First call', 'json'),
  );
  const upcoming = shown.tasks[0]?.upcoming ?? [];
  expect(upcoming.at(-1)).toBe('…');
  // 18:00 on Fridays in Sydney, where November has daylight saving time.
  for (const instant of upcoming.slice(0, -1)) {
    expect([new Date(instant).getUTCDay(), instant.slice(10)]).toEqual([5, 'T07:00:00.000Z']);
  }
  const tasks = shown.tasks.map((task) => ({ ...task, upcoming: Array(10).fill(expect.any(String)) }));
  expect(await replyTo(await codeBlock('README.md', 'First call', 'sh'))).toEqual({ ...shown, tasks });
  const example: unknown = JSON.parse(await readFile('test/fixtures/reference-reply.json', 'utf8'));
  const request = await codeBlock('docs/compatibility.md', 'Compatibility with the original API', 'sh');
  expect(await replyTo(request)).toEqual(example);
  service.kill('SIGTERM');
  await service.ended;
});
