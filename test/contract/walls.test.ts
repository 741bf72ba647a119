import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { killAll, runProgram } from '../support/process.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'recoup-walls-'));
  cpSync('.oxlintrc.json', join(folder, '.oxlintrc.json'));
});
afterAll(() => {
  killAll();
  rmSync(folder, { recursive: true });
});

/** What the linter says of one file with one import. */
async function lint(file: string, imported: string) {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `import '${imported}';\n`);
  const { stdout } = await runProgram(resolve('node_modules/.bin/oxlint'), [file], {}, folder).ended;
  rmSync(path);
  return { allowed: !stdout.includes('no-restricted-imports'), stdout };
}

describe('an import', () => {
  test.each([
    ['src/operations/listTasks.ts', '../http/request/routes.ts'],
    ['src/operations/listTasks.ts', 'express'],
    ['src/operations/listTasks.ts', 'mongodb'],
    ['src/view/part.ts', '../operations/cursor.ts'],
    ['src/store/task-store.ts', '../view/part.ts'],
    ['src/http/reply/gzip.ts', '../../schedule/cron.ts'],
    ['src/schedule/cron.ts', '../store/task-store.ts'],
    ['src/database/connect.ts', '../embedded/server.ts'],
    ['src/commands/migration/copy.ts', '../../embedded/backup/restore.ts'],
    ['src/config/settings.ts', '../lib/errors.ts'],
    ['src/lib/log.ts', '../config/settings.ts'],
    ['src/embedded/backup/backup.ts', '../../store/collections.ts'],
    ['src/telemetry/metrics.ts', '../app.ts'],
    ['src/commands/seed.ts', '../../scripts/bench/fill.ts'],
    ['src/main.ts', '../scripts/bench/fill.ts'],
  ])('in %s of %s is an error that names the rule', async (file, imported) => {
    const { allowed, stdout } = await lint(file, imported);
    expect(allowed).toBe(false);
    expect(stdout).toMatch(/may import|internal|imports nothing/);
  });

  test.each([
    ['src/operations/listTasks.ts', '../view/part.ts'],
    ['src/http/reply/gzip.ts', '../../view/json-text.ts'],
    ['src/http/request/routes.ts', '../reply/json-body.ts'],
    ['src/database/connect.ts', '../embedded/index.ts'],
    ['src/store/task-store.ts', 'mongodb'],
    ['src/embedded/backup/backup.ts', '../store.ts'],
    ['src/view/part.ts', '../../generated/types.gen.ts'],
    ['src/app.ts', './http/server/deadline.ts'],
  ])('in %s of %s is allowed', async (file, imported) => {
    expect(await lint(file, imported)).toMatchObject({ allowed: true });
  });
});

test('every folder of src has its rule', async () => {
  const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of folders) {
    expect({ name, ...(await lint(`src/${name}/new.ts`, '../main.ts')) }).toMatchObject({
      name,
      allowed: false,
    });
  }
});
