import { constants } from 'node:fs';
import { access, mkdir, open, readdir, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from './system-errors.ts';

/** Creates a folder that only its owner can access, unless the folder exists. The parent folder must exist. */
async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path, 0o700);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error;
  }
}

/** Creates a folder and its parents, like `makeOne`. Node's recursive mkdir never returns for a path in /proc. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await makeOne(path);
  }
}

/** @throws an error with the code ENOSPC, as a write does, if the folder's disk has fewer than `bytes` bytes free */
export async function checkFreeSpace(path: string, bytes: number): Promise<void> {
  const { blocks, bfree, bavail, bsize } = await statfs(path);
  // Some blocks are reserved for root. Some file systems, e.g. network ones, report no blocks.
  const free = (process.getuid?.() === 0 ? bfree : bavail) * bsize;
  if (blocks === 0 || free >= bytes) return;
  throw Object.assign(
    new Error(`ENOSPC: no space left on device, ${free} bytes are free and ${bytes} needed in '${path}'`),
    { code: 'ENOSPC' },
  );
}

/** Returns the names of the files in a folder, or none if the folder does not exist. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Checks that a file can be opened, without opening it: closing it would release this process's locks on it.
 * @throws the system error, e.g. EACCES or EISDIR
 */
export async function checkUsable(file: string, { readOnly }: { readOnly: boolean }): Promise<void> {
  // Opening a folder for writing throws the system error EISDIR.
  if ((await stat(file)).isDirectory()) await open(file, 'r+');
  if (!readOnly) await access(file, constants.R_OK | constants.W_OK);
}
