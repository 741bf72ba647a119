import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** Thrown if the target of a backup is a folder, a device, or a file that must not be replaced. */
export class FileInTheWay extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'FileInTheWay';
  }
}

/**
 * Writes a file that only its owner can read: writes a temporary file in the same folder, syncs it, then renames it.
 * Removes the temporary file if writing fails, but not if a signal ends the process.
 * @param pieces - pulled one by one, as fast as the disk accepts them
 * @returns bytes written
 * @throws FileInTheWay as refuseExisting() does
 */
export async function writeNewFile(
  path: string,
  replace: boolean,
  pieces: AsyncIterable<Uint8Array>,
): Promise<number> {
  const target = resolve(path);
  await refuseExisting(target, replace);
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(4).toString('hex')}.part`);
  const file = await open(temporary, 'wx', 0o600);
  let bytes = 0;
  try {
    try {
      for await (const piece of pieces) {
        await file.writeFile(piece);
        bytes += piece.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    // Another process may have created the target meanwhile.
    await refuseExisting(target, replace);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(dirname(target));
  return bytes;
}

/** Throws FileInTheWay if the path is a folder, a device, or a file that must not be replaced. */
export async function refuseExisting(path: string, replace: boolean): Promise<void> {
  const target = resolve(path);
  if (!existsSync(target)) return;
  const found = await stat(target);
  if (found.isDirectory()) throw new FileInTheWay(`${target} is a folder; give the name of a file in it.`);
  // Replacing a device such as /dev/null would break it for every program.
  if (!found.isFile()) throw new FileInTheWay(`${target} is not a regular file; give another name.`);
  if (!replace)
    throw new FileInTheWay(`${target} already exists; give another name, or pass --force to replace it.`);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
