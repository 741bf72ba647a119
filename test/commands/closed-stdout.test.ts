import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { killAll, runCommand, runProgram } from '../support/process.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recoup-stdout-'));
});
afterAll(async () => {
  killAll();
  await rm(folder, { recursive: true });
});

test('a command finishes its work although the reader of its output has left', async () => {
  const environment = { DATA_DIR: join(folder, 'data') };
  const seeded = await runCommand('seed', environment, ['--accounts', '2', '--tasks', '3', '--runs', '2'])
    .ended;
  expect(seeded).toMatchObject({ code: 0, stderr: '' });
  const file = join(folder, 'backup.archive');
  // `true` has closed the pipe when the backup starts.
  const line = `(sleep 0.5; exec "${process.execPath}" dist/src/cli.js backup "${file}") | true`;
  expect(await runProgram('sh', ['-c', line], environment).ended).toMatchObject({ stderr: '' });
  await readFile(file);
  const restored = { DATA_DIR: join(folder, 'restored') };
  expect(await runCommand('restore', restored, [file]).ended).toMatchObject({ code: 0, stderr: '' });
});
