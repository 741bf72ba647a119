/** The commands and programs of README and docs that need Node and npm alone, as a reader would type them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { assertSchema } from '../support/contract.ts';
import { codeBlock } from '../support/documents.ts';
import { killAll, runCommand, runProgram, runService } from '../support/process.ts';

const URL_IN_DOCS = 'http://127.0.0.1:3000';

let dataDir: string;
let service: Awaited<ReturnType<typeof runService>>;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'recoup-walk-'));
  service = await runService({ DATA_DIR: dataDir, AUTH: 'required' });
});
afterAll(async () => {
  service.kill('SIGTERM');
  await service.ended;
  killAll();
  await rm(dataDir, { recursive: true });
});

/** Replaces npm, which needs a second for each command; the walk-through runs the real one. */
const FAST_NPM =
  'npm() { while [ "$1" != -- ]; do name=$1; shift; done; shift; node dist/src/cli.js "$name" "$@"; }\n';

/** Runs shell lines against the service and its database; returns their stdout. */
async function runLines(lines: string): Promise<string> {
  const environment = { DATA_DIR: dataDir, HOME: dataDir };
  const { code, stdout, stderr } = await runProgram('sh', ['-euc', lines], environment).ended;
  expect([code, stderr.replaceAll(/^(Key key_.*|npm (warn|notice).*|)\n/gm, '')]).toEqual([0, '']);
  return stdout;
}

/** Runs a program that imports the client, with a new admin key; returns its stdout. */
async function runClient(source: string): Promise<string> {
  expect(source).toContain(URL_IN_DOCS);
  const create = ['create', '--name', 'x', '--admin'];
  const { stdout: key } = await runCommand('keys', { DATA_DIR: dataDir }, create).ended;
  const args = ['--input-type=module', '--eval', source.replaceAll(URL_IN_DOCS, service.url)];
  const environment = { RECOUP_TASKS_API_KEY: key.trim() };
  const { code, stdout, stderr } = await runProgram(process.execPath, args, environment).ended;
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

describe('the walk-through of docs/clients.md', () => {
  const block = (language: string) => codeBlock('docs/clients.md', 'Walk through the API', language);

  test('by curl, it creates, records, lists, disables and deletes', async () => {
    const lines = await block('sh');
    expect(lines).toContain(URL_IN_DOCS);
    const stdout = await runLines(lines.replaceAll(URL_IN_DOCS, service.url));
    const replies: {
      status: string;
      tasks?: Record<string, unknown>[];
      runs?: Record<string, unknown>[];
    }[] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    for (const reply of replies.slice(0, -1)) {
      assertSchema(`components/schemas/${reply.tasks ? 'TasksResponse' : 'RunsResponse'}`, reply);
    }
    const [created, executing, completed, listed, history, one, disabled, deleted, ...more] = replies;
    const id = created?.tasks?.[0]?.id;
    const run = { id: `run_${String(id)}`, task_id: id };
    expect(created?.tasks).toMatchObject([
      { title: 'Thursday listener report', owner_email: 'mira@northlight.example', recent_runs: [] },
    ]);
    expect(executing?.runs).toMatchObject([{ ...run, status: 'EXECUTING' }]);
    expect(completed?.runs).toMatchObject([{ ...run, status: 'COMPLETED' }]);
    expect(listed?.tasks).toMatchObject([{ id, recent_runs: [{ id: run.id, status: 'COMPLETED' }] }]);
    expect(history?.runs).toEqual([expect.not.objectContaining({ output: expect.anything() })]);
    expect(one?.runs).toMatchObject([{ id: run.id, output: { cities: ['Leeds', 'Austin'] } }]);
    expect(disabled?.tasks).toMatchObject([{ id, enabled: false, upcoming: [] }]);
    expect(deleted).toEqual({ status: 'success' });
    expect(more).toEqual([]);
  });

  test('by the client, it does the same', async () => {
    expect(await runClient(await block('ts'))).toMatch(
      /^COMPLETED \d{4}-\d{2}-\d{2}T1[34]:00:00.000Z\ntrue\n$/,
    );
  });
});

test("the README's client prints the next fire times of tasks", async () => {
  const source = await codeBlock('README.md', 'Use the client', 'js');
  expect(source.split('\n').filter((line) => line !== '')).toHaveLength(4);
  const lines = (await runClient(source)).trim().split('\n');
  expect(lines).toHaveLength(10);
  for (const line of lines) expect(line).toMatch(/^(\d{4}-\d{2}-\d{2}T[\d:]{8}\.000Z|never) ./);
});

test('the commands of docs/keys.md create, list and revoke keys', async () => {
  const create = ['create', '--name', 'to be revoked', '--admin'];
  const { stderr } = await runCommand('keys', { DATA_DIR: dataDir }, create).ended;
  const [id = ''] = /key_[0-9a-f]{12}/.exec(stderr) ?? [];
  const lines = await codeBlock('docs/keys.md', 'Keys and their rights', 'sh');
  expect(lines).toContain('key_0123456789ab');
  const stdout = await runLines(FAST_NPM + lines.replace('key_0123456789ab', id));
  expect(stdout).toContain('run engine');
  expect(stdout).toContain('Mira');
  const { stdout: listed } = await runCommand('keys', { DATA_DIR: dataDir }, ['list']).ended;
  expect(listed).toMatch(new RegExp(`${id}.*revoked`));
}, 60_000);

test('the commands of docs/backup-and-migration.md back up and restore while the service runs', async () => {
  const lines = await codeBlock('docs/backup-and-migration.md', 'Back up and restore', 'sh');
  expect(lines).toContain(' backup.gz');
  const file = join(dataDir, 'backup.gz');
  const stdout = await runLines(FAST_NPM + lines.replaceAll(' backup.gz', ` ${file}`));
  expect(stdout).toContain('Restored ');
}, 60_000);
