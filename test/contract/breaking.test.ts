import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { run } from '../support/process.ts';

const RELEASED = 'test/contract/released.yaml';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recoup-breaking-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What the check says when the released spec has been changed so, under these approvals. */
async function check(change: (spec: string) => string, approvals = '[]') {
  const [spec, approved] = [join(folder, 'spec.yaml'), join(folder, 'approvals.yaml')];
  const before = await readFile(RELEASED, 'utf8');
  await writeFile(spec, change(before));
  await writeFile(approved, approvals);
  return run('scripts/contract/breaking.js', {}, [RELEASED, spec, approved]).ended;
}

const withoutDuration = (spec: string) => spec.replace('        durationMs:', '        took:');
const approval = (text: string) =>
  JSON.stringify([{ change: 'response-optional-property-removed', text, reason: 'Nobody used it.' }]);

test('a spec that promises what the released one did passes', async () => {
  expect(await check((spec) => spec)).toMatchObject({ code: 0, stderr: '' });
});

test.each([
  ['an optional field of a run is removed', withoutDuration, 'recent_runs/items/durationMs'],
  [
    'a required field of a task is removed',
    (spec: string) => spec.replace('        prompt:', '        text:'),
    'tasks/items/prompt',
  ],
  [
    'a field changes its type',
    (spec: string) => spec.replace(/(batchId:\n +type: )\[string/, '$1[integer'),
    'batchId',
  ],
  [
    'a parameter is removed',
    (spec: string) => spec.replace('name: artist_account_id', 'name: artist'),
    'artist_account_id',
  ],
  [
    'a parameter becomes required',
    (spec: string) => spec.replace('name: enabled\n', 'name: enabled\n          required: true\n'),
    'enabled',
  ],
  ['a limit becomes narrower', (spec: string) => spec.replace('maximum: 1000', 'maximum: 500'), 'limit'],
  ['an operation is removed', (spec: string) => spec.replace('    get:\n', '    post:\n'), 'GET /api/tasks'],
])('it fails when %s, and says what to do', async (_what, change, place) => {
  const { code, stderr } = await check(change);
  expect(code).toBe(1);
  expect(stderr).toContain(place);
  expect(stderr).toContain('revert the change, or add an entry');
});

test('it passes when an approval covers the change', async () => {
  expect(await check(withoutDuration, approval('durationMs'))).toMatchObject({ code: 0, stderr: '' });
});

test('it fails when an approval covers no change', async () => {
  const { code, stderr } = await check((spec) => spec, approval('durationMs'));
  expect(code).toBe(1);
  expect(stderr).toContain('remove the entry');
});
