import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals';
import { killAll, runProgram } from '../support/process.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recoup-audit-'));
});
afterEach(() => rm(folder, { recursive: true }));
afterAll(killAll);

/** The check, where npm prints this. */
async function checkWith(printed: string, exitCode: number) {
  const npm = join(folder, 'npm');
  await writeFile(npm, `#!/bin/sh\ncat <<'END'\n${printed}\nEND\nexit ${exitCode}\n`);
  await chmod(npm, 0o755);
  const path = `${folder}:${dirname(process.execPath)}:/usr/bin:/bin`;
  return runProgram(process.execPath, ['dist/scripts/audit/dependencies.js'], { PATH: path }).ended;
}

test('dependencies without known vulnerabilities pass, silently', async () => {
  const report = JSON.stringify({ auditReportVersion: 2, vulnerabilities: {} });
  expect(await checkWith(report, 0)).toMatchObject({ code: 0, stdout: '', stderr: '' });
});

test('a vulnerable dependency fails, by name, with the commands that fix it', async () => {
  const vulnerabilities = { lodash: { name: 'lodash', severity: 'critical' } };
  const { code, stderr } = await checkWith(JSON.stringify({ auditReportVersion: 2, vulnerabilities }), 1);
  expect(code).toBe(1);
  expect(stderr).toContain('lodash: critical\nTo fix it, run npm audit');
});

test.each([
  ['has no audits', JSON.stringify({ message: '405 Method Not Allowed', statusCode: 405 }), ' (HTTP 405)'],
  ['cannot be reached', JSON.stringify({ message: 'request failed', error: {} }), ''],
  ['answers nonsense', '<html>', ''],
])('a registry that %s passes, and it is said that nothing was checked', async (_what, printed, status) => {
  expect(await checkWith(printed, 1)).toMatchObject({
    code: 0,
    stdout: `Dependencies were not checked: the registry returned no audit report${status}.\n`,
  });
});
