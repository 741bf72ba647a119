import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { systemCode } from '../errors.ts';

/** The file to write is there already, or cannot be one. */
export class FileInTheWay extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'FileInTheWay';
  }
}

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** What file systems without hard links, such as those of memory sticks, answer. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/**
 * Writes a file, for its owner's eyes only, that is there whole or not at all: under another name beside it first, then
 * to disk, then under its own. The other name goes on any failure and on a signal that ends the process.
 * @param pieces - taken one after another as the disk keeps up
 * @returns bytes written
 * @throws FileInTheWay if it exists, unless `replace`
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
  const onSignal = (signal: NodeJS.Signals): void => {
    rmSync(temporary, { force: true });
    process.kill(process.pid, signal);
  };
  for (const signal of ENDING_SIGNALS) process.once(signal, onSignal);
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
    await publish(temporary, target, replace);
  } finally {
    for (const signal of ENDING_SIGNALS) process.off(signal, onSignal);
    await rm(temporary, { force: true });
  }
  await syncDirectory(dirname(target));
  return bytes;
}

/** Throws FileInTheWay where there is a folder, or a file that is not to be replaced. */
export async function refuseExisting(path: string, replace: boolean): Promise<void> {
  const target = resolve(path);
  if (!existsSync(target)) return;
  if ((await stat(target)).isDirectory()) {
    throw new FileInTheWay(`${target} is a folder; give the name of a file in it.`);
  }
  if (!replace)
    throw new FileInTheWay(`${target} exists already; give another name, or --force to replace it.`);
}

/** A link fails where the target has come into being meanwhile; a rename would replace it. */
async function publish(temporary: string, target: string, replace: boolean): Promise<void> {
  if (!replace) {
    try {
      await link(temporary, target);
      return;
    } catch (error) {
      if (!NO_LINKS.has(systemCode(error))) {
        await refuseExisting(target, false);
        throw error;
      }
      await refuseExisting(target, false);
    }
  }
  await rename(temporary, target);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
