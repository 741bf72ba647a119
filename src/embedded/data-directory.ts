import { chmod, mkdir, mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The socket's name inside the data directory. */
export const SOCKET_NAME = 'db.sock';
/** Names the process that listens there, for people. */
export const PID_FILE = 'db.pid';
/** The store's name inside the data directory. */
export const STORE_DIRECTORY = 'store';

/** Longest socket path that both Linux (108 bytes) and macOS (104) take, with the terminating zero. */
const MAX_SOCKET_PATH_BYTES = 103;

/** Makes the data directory, for its owner only, or tightens the one that is there. Returns its absolute path. */
export async function prepareDirectory(dataDir: string): Promise<string> {
  const path = resolve(dataDir);
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) await chmod(path, 0o700);
  return path;
}

/** A way to reach the files of a directory by paths short enough for sockets. */
export interface ShortDirectory {
  readonly path: string;
  /** Removes the alias if there is one. */
  remove(): Promise<void>;
}

/**
 * The directory itself, or if its path is too long for a socket named `longestName`, a private link to it in the
 * system's directory for temporary files. The link goes when the process exits.
 */
export async function shortDirectory(path: string, longestName: string): Promise<ShortDirectory> {
  if (Buffer.byteLength(join(path, longestName)) <= MAX_SOCKET_PATH_BYTES) {
    return { path, remove: async () => undefined };
  }
  const home = await mkdtemp(join(tmpdir(), 'edb-'));
  const link = join(home, 'd');
  await symlink(path, link);
  const removeNow = (): void => rmSync(home, { recursive: true, force: true });
  process.once('exit', removeNow);
  return {
    path: link,
    remove: async () => {
      process.off('exit', removeNow);
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** The mongodb driver's connection string for a socket. */
export function socketUri(path: string): string {
  return `mongodb://${encodeURIComponent(path)}/?directConnection=true`;
}
