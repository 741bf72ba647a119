import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const PROGRAM = resolve('dist/scripts/audit/folder-sizes.js');
const lines = (count: number) => 'x\n'.repeat(count);

let repository: string;

beforeEach(async () => {
  repository = await mkdtemp(join(tmpdir(), 'folder-sizes-'));
  execFileSync('git', ['init', '--quiet'], { cwd: repository });
  await mkdir(join(repository, 'src/embedded/backup'), { recursive: true });
});
afterEach(() => rm(repository, { recursive: true }));

async function add(file: string, text: string): Promise<void> {
  await writeFile(join(repository, file), text);
  execFileSync('git', ['add', file], { cwd: repository });
}
const check = () => spawnSync(process.execPath, [PROGRAM], { cwd: repository, encoding: 'utf8' });

test('a folder at its limit passes; other folders, and files that git does not track, do not count', async () => {
  await add('src/embedded/index.ts', lines(5_597));
  await add('src/embedded/backup/a.mjs', lines(1));
  await add('src/embedded/backup/b.cjs', lines(1));
  await add('src/embedded/notes.md', lines(1));
  await add('src/other.ts', lines(1));
  await writeFile(join(repository, 'src/embedded/untracked.ts'), lines(1));
  expect(check()).toMatchObject({ status: 0, stderr: '' });
});

test('a folder over its limit fails, with its name, its lines and the limit', async () => {
  await add('src/embedded/index.ts', lines(5_598));
  await add('src/embedded/backup/a.ts', lines(5));
  expect(check()).toMatchObject({
    status: 1,
    stderr: 'src/embedded has 5603 lines, and its limit is 5600. Remove 3.\n',
  });
});

test('a subfolder with a limit of its own does not count for the folder around it', async () => {
  await mkdir(join(repository, 'src/engine/trigger'), { recursive: true });
  await add('src/engine/port.ts', lines(2_200));
  await add('src/engine/trigger/runs.ts', lines(1));
  expect(check()).toMatchObject({ status: 0, stderr: '' });
});
