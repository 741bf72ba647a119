import { chmod, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { checkFreeSpace, makeFolder } from '../lib/files.ts';

/** The name of the socket in the data directory. */
export const SOCKET_NAME = 'db.sock';
/** Tells operators which process listens on the socket. */
export const PID_FILE = 'db.pid';
/** The name of the store in the data directory. */
export const STORE_DIRECTORY = 'store';

/** Maximum length of a socket path on both Linux (108 bytes) and macOS (104), minus the terminating NUL. */
const MAX_SOCKET_PATH_BYTES = 103;

/** Creates the data directory for its owner only, or tightens an existing one's mode. Returns its absolute path. */
export async function prepareDirectory(dataDir: string): Promise<string> {
  const path = resolve(dataDir);
  await makeFolder(path);
  // With less free space, LMDB may crash or hang at start.
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
 * Returns the path of a socket in a directory: absolute, or relative to the working directory if only that is short
 * enough.
 * @throws SocketPathTooLong if neither is
 */
export function socketPath(directory: string, name: string): string {
  const paths = [join(directory, name), relative('', join(directory, name))];
  const short = paths.find((path) => Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES);
  if (short !== undefined) return short;
  throw new SocketPathTooLong(directory);
}

/** Returns the mongodb driver's connection string for a socket. */
export function socketUri(path: string): string {
  return `mongodb://${encodeURIComponent(path)}/?directConnection=true`;
}
