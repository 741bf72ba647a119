import { chmod, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { checkFreeSpace, makeFolder } from '../lib/files.ts';

/** The socket in the data directory to which clients connect. The process that listens on it owns the directory. */
export const SOCKET_NAME = 'db.sock';
/** The file in the data directory that contains the engine's process id, for operators and error messages. */
export const PID_FILE = 'db.pid';
export const STORE_DIRECTORY = 'store';

/** Maximum length of a socket path that both Linux (108 bytes) and macOS (104) allow, without its NUL. */
const MAX_SOCKET_PATH_BYTES = 103;

/** Creates the data directory, or removes other users' access to an existing one. Returns its absolute path. */
export async function prepareDirectory(dataDir: string): Promise<string> {
  const path = resolve(dataDir);
  await makeFolder(path);
  // LMDB may crash or hang at start if less than 1 MiB is free.
  await checkFreeSpace(path, 1_048_576);
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) await chmod(path, 0o700);
  return path;
}

/** Thrown if neither the absolute nor the relative path of a socket is short enough. */
export class SocketPathTooLong extends Error {
  constructor(directory: string) {
    super(
      `The path of the data directory ${directory} is too long for a socket. Set DATA_DIR to a shorter path, or start the service from a folder closer to it.`,
    );
    this.name = 'SocketPathTooLong';
  }
}

/**
 * Returns a socket's path: absolute, or relative to the working directory if only the relative path is short enough.
 * @throws SocketPathTooLong if neither path is short enough
 */
export function socketPath(directory: string, name: string): string {
  const paths = [join(directory, name), relative('', join(directory, name))];
  const short = paths.find((path) => Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES);
  if (short !== undefined) return short;
  throw new SocketPathTooLong(directory);
}

export function socketUri(path: string): string {
  return `mongodb://${encodeURIComponent(path)}/?directConnection=true`;
}
