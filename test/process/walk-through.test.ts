/** The README's walk-through, as a reader would type it, on a service that asks for keys. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { assertSchema } from '../support/contract.ts';
import { killAll, runCommand, runProgram, runService } from '../support/process.ts';

let dataDir: string;
let service: Awaited<ReturnType<typeof runService>>;
let section: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'recoup-walk-'));
  service = await runService({ DATA_DIR: dataDir, AUTH: 'required' });
  [, section = ''] = /## Walk through it\n([^]*?)\n## /.exec(await readFile('README.md', 'utf8')) ?? [];
});
afterAll(async () => {
  service.kill('SIGTERM');
  await service.ended;
  killAll();
  await rm(dataDir, { recursive: true });
});

const block = (language: string) => {
  const [, text = ''] = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(section) ?? [];
  expect(text).toContain('http://127.0.0.1:3000');
  return text.replaceAll('http://127.0.0.1:3000', service.url);
};

test('by curl, it creates, records, lists, disables and deletes', async () => {
  const environment = { DATA_DIR: dataDir, HOME: dataDir };
  const { code, stdout, stderr } = await runProgram('sh', ['-euc', block('sh')], environment).ended;
  expect([code, stderr.replaceAll(/^(Key key_.*|npm (warn|notice).*|)\n/gm, '')]).toEqual([0, '']);
  const replies: { status: string; tasks?: Record<string, unknown>[]; runs?: Record<string, unknown>[] }[] =
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  for (const reply of replies.slice(0, -1)) {
    assertSchema(`components/schemas/${reply.tasks ? 'TasksResponse' : 'RunsResponse'}`, reply);
  }
  const [created, executing, completed, listed, history, one, disabled, deleted, ...more] = replies;
  const id = created?.tasks?.[0]?.id;
  expect(created?.tasks).toMatchObject([
    { title: 'Thursday listener report', owner_email: 'mira@northlight.example', recent_runs: [] },
  ]);
  expect(executing?.runs).toMatchObject([{ id: 'run_first', task_id: id, status: 'EXECUTING' }]);
  expect(completed?.runs).toMatchObject([{ id: 'run_first', task_id: id, status: 'COMPLETED' }]);
  expect(listed?.tasks).toMatchObject([{ id, recent_runs: [{ id: 'run_first', status: 'COMPLETED' }] }]);
  expect(history?.runs).toEqual([expect.not.objectContaining({ output: expect.anything() })]);
  expect(one?.runs).toMatchObject([{ id: 'run_first', output: { cities: ['Leeds', 'Austin'] } }]);
  expect(disabled?.tasks).toMatchObject([{ id, enabled: false, upcoming: [] }]);
  expect(deleted).toEqual({ status: 'success' });
  expect(more).toEqual([]);
});

test('by the client, it does the same', async () => {
  const { stdout: key } = await runCommand('keys', { DATA_DIR: dataDir }, [
    'create',
    '--name',
    'x',
    '--admin',
  ]).ended;
  const args = ['--input-type=module', '--eval', block('ts')];
  const { code, stdout, stderr } = await runProgram(process.execPath, args, {
    RECOUP_TASKS_API_KEY: key.trim(),
  }).ended;
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^COMPLETED \d{4}-\d{2}-\d{2}T1[34]:00:00.000Z\ntrue\n$/);
});
