import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const PROGRAM = resolve('dist/scripts/lint/prose.js');

let repository: string;

beforeEach(async () => {
  repository = await mkdtemp(join(tmpdir(), 'prose-'));
  execFileSync('git', ['init', '--quiet'], { cwd: repository });
});
afterEach(() => rm(repository, { recursive: true }));

async function check(text: string) {
  await writeFile(join(repository, 'SECURITY.md'), text);
  execFileSync('git', ['add', 'SECURITY.md'], { cwd: repository });
  return spawnSync(process.execPath, [PROGRAM], { cwd: repository, encoding: 'utf8' });
}

test('a banned phrase fails with its line and advice, also across two lines', async () => {
  const { status, stderr } = await check('# Title\n\nThe reply goes to who\nasks.\nIt waits in vain.\n');
  expect(status).toBe(1);
  expect(stderr).toBe(
    'SECURITY.md:3: "who asks": name the caller, the client or the user.\nSECURITY.md:5: "in vain": say what fails.\n',
  );
});

test('code, and words that contain a phrase, pass', async () => {
  const fenced = '```js\n// who asks\n```\n';
  expect(await check(`${fenced}\nThe \`whoever\` field; amends; the same as before.\n`)).toMatchObject({
    status: 0,
    stderr: '',
  });
});
