import { randomBytes } from 'node:crypto';
import { readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PID_FILE, SOCKET_NAME, socketPath } from './data-directory.ts';

/** Thrown if another engine runs on the data directory. */
export class DataDirectoryInUse extends Error {
  constructor(path: string, pid: string | undefined) {
    const holder = pid === undefined ? 'another process' : `process ${pid}`;
    super(
      `The data directory ${path} is in use by ${holder}. Stop that process, or set DATA_DIR to another directory.`,
    );
    this.name = 'DataDirectoryInUse';
  }
}

const CANDIDATE = /^[0-9a-f]{12}\.sock$/;

/** Returns a new name for the socket on which an engine listens before it claims the directory. */
export function candidateSocket(): string {
  return `${randomBytes(6).toString('hex')}.sock`;
}

/** Maximum wait for all rival engines to withdraw or for one of them to claim the directory. */
const RIVAL_TIMEOUT_MS = 5_000;
const POLL_MS = 5;
/** A socket file of this age that refuses connections is dead. A live engine refuses them only before it listens. */
const DEAD_AFTER_MS = 60_000;

/**
 * Exclusive ownership of a data directory, held by the process that listens on its `db.sock`. A lock file would not
 * do: it does not reveal whether its writer is alive, and Node cannot lock files. A socket refuses connections once its
 * process has ended, even by kill -9, but accepts them while the process hangs.
 *
 * Each engine first listens on its own socket in the directory, then looks for other engines. Of two that start at the
 * same time, at least the one that looks last finds the other. An engine withdraws if the directory has an owner, or if
 * a rival's socket name sorts before its own. Otherwise it waits until it is alone and renames its socket to `db.sock`.
 */
export class Ownership {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Claims the directory for the engine that already listens on the candidate socket.
   * @throws DataDirectoryInUse if the directory has a live owner, or a rival takes precedence
   */
  static async claim(path: string, socket: string): Promise<Ownership> {
    const deadline = Date.now() + RIVAL_TIMEOUT_MS;
    for (;;) {
      const rivals = await liveRivals(path, socket);
      // Check the owner last: a rival that has become the owner may have renamed its socket before readdir.
      if (await answers(socketPath(path, SOCKET_NAME)))
        throw new DataDirectoryInUse(path, await ownerPid(path));
      if (rivals.length === 0) break;
      if (rivals.some((name) => name < socket) || Date.now() > deadline) {
        throw new DataDirectoryInUse(path, undefined);
      }
      await sleep(POLL_MS);
    }
    await writeFile(join(path, PID_FILE), `${process.pid}\n`, { mode: 0o600 });
    await rename(join(path, socket), join(path, SOCKET_NAME)).catch(async (error: unknown) => {
      await rm(join(path, PID_FILE), { force: true });
      throw error;
    });
    return new Ownership(path);
  }

  /** Gives up the directory. Call it after the store is closed, while the socket still listens. */
  async release(): Promise<void> {
    await rm(join(this.#path, PID_FILE), { force: true });
    await rm(join(this.#path, SOCKET_NAME), { force: true });
  }
}

/** Returns the socket names of other live candidates. Removes the sockets of dead candidates. */
async function liveRivals(path: string, self: string): Promise<string[]> {
  const alive: string[] = [];
  for (const name of await readdir(path)) {
    if (name === self || !CANDIDATE.test(name)) continue;
    if (await answers(socketPath(path, name))) alive.push(name);
    else await removeIfOld(join(path, name));
  }
  return alive;
}

async function removeIfOld(file: string): Promise<void> {
  const made = await stat(file).catch(() => undefined);
  if (made && Date.now() - made.mtimeMs > DEAD_AFTER_MS) await rm(file, { force: true });
}

async function ownerPid(path: string): Promise<string | undefined> {
  const text = await readFile(join(path, PID_FILE), 'utf8').catch(() => '');
  return /^\d+/.exec(text)?.[0];
}

/** Error codes of connect() for a path on which no process listens. */
const NOT_LISTENING = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG']);

/** Whether a process listens on the socket; true if unsure, e.g. if its backlog is full. Throws if access is denied. */
export async function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const settle = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES') reject(error);
      settle(!NOT_LISTENING.has(error.code ?? ''));
    });
  });
}
