import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runProgram } from '../support/process.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recoup-lint-'));
  await cp('.spectral.yaml', join(folder, '.spectral.yaml'));
  await cp('scripts/lint', join(folder, 'scripts/lint'), { recursive: true });
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a schema whose name generators make from an operationId is an error, in any letter case', async () => {
  const made = ['DeleteTaskResponse', 'deletetask_params', 'DELETETASKREQUESTBODY', 'DeleteTaskJSONBody'];
  const others = ['DeletedResponse', 'DeleteTaskRequest', 'DeleteTaskResponses'];
  const schemas = Object.fromEntries([...made, ...others].map((name) => [name, { type: 'object' }]));
  const spec = {
    openapi: '3.1.0',
    info: { title: 'x', version: '1' },
    paths: { '/x': { delete: { operationId: 'deleteTask', responses: { 200: { description: 'x' } } } } },
    components: { schemas },
  };
  await writeFile(join(folder, 'openapi.yaml'), JSON.stringify(spec));
  const args = ['lint', 'openapi.yaml', '--quiet', '--format', 'text'];
  const { code, stdout } = await runProgram(resolve('node_modules/.bin/spectral'), args, {}, folder).ended;
  expect(code).not.toBe(0);
  const message = /Schema "(\w+)" has a name that code generators make from the operationId deleteTask/g;
  expect([...stdout.matchAll(message)].map(([, name]) => name).toSorted()).toEqual(made.toSorted());
});
