import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { checkFreeSpace, makeFolder } from '../../src/lib/files.ts';
import { Unusable, depending, describeSystemError } from '../../src/lib/system-errors.ts';

/** Work that fails. */
const rejecting = (error: unknown) => async () => {
  throw error;
};

const failing = (code: string | number, rest: object = {}) =>
  Object.assign(new Error(`${code}: it failed\nmore`), { code, ...rest });

test.each([
  ['EACCES', 'access'],
  ['EPERM', 'access'],
  ['EROFS', 'writable folder'],
  ['ENOSPC', 'space'],
  ['EDQUOT', 'space'],
  ['ENOTDIR', 'is a file, not a folder'],
  ['EISDIR', 'is a folder, not a file'],
  ['EEXIST', 'file with this name exists'],
  ['ENOENT', 'Check the path'],
  ['ELOOP', 'loop'],
  ['ENAMETOOLONG', 'shorter'],
  ['EADDRINUSE', 'free port'],
  ['EADDRNOTAVAIL', 'address of this machine'],
  ['ENOTFOUND', 'name that resolves'],
])('%s is described in one line', (code, advice) => {
  const line = describeSystemError(failing(code));
  expect(line).toContain(`${code}: it failed. `);
  expect(line).toContain(advice);
  expect(line).not.toContain('\n');
});

test("an LMDB error has a number, and a port's error has the code of a file's", () => {
  expect(describeSystemError(failing(30))).toContain('read-only');
  expect(describeSystemError(failing('EACCES', { port: 80 }))).toContain('of 1024 or higher');
  expect(describeSystemError(failing('EACCES', { port: -1 }))).toContain('access');
});

test.each([
  new Error('no code'),
  failing('ERR_ASSERTION'),
  failing(-30_793),
  failing(11_000),
  failing(13, { name: 'MongoServerError' }),
  'a text',
])('what is not of the system is passed on: %p', async (error) => {
  expect(describeSystemError(error)).toBeUndefined();
  await expect(depending('NAME=value', rejecting(error))).rejects.toBe(error);
});

test('a system error gets the name of the setting', async () => {
  const attempt = depending('NAME=value', rejecting(failing('EROFS')));
  await expect(attempt).rejects.toThrow(Unusable);
  await expect(attempt).rejects.toThrow(/^NAME=value: EROFS: it failed\. The file system is read-only/);
});

test('concurrent calls create one folder, and a full disk is detected', async () => {
  const home = await mkdtemp(join(tmpdir(), 'recoup-files-'));
  const folder = join(home, 'a', 'b', 'c');
  await Promise.all([1, 2, 3, 4].map(() => makeFolder(folder)));
  await makeFolder(folder);
  await checkFreeSpace(folder, 1);
  await expect(checkFreeSpace(folder, Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({ code: 'ENOSPC' });
  await rm(home, { recursive: true });
});
