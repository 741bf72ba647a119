import { randomBytes } from 'node:crypto';
import { realpath, rename, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type RootDatabase, open } from 'lmdb';
import { SOCKET_NAME } from './data-directory.ts';

/** Another engine runs on the directory. */
export class DataDirectoryInUse extends Error {
  constructor(path: string, pid: number | undefined) {
    const holder = pid === undefined ? 'another process' : `process ${pid}`;
    super(
      `The data directory ${path} is in use by ${holder}. Stop it, or give this one a directory of its own (DATA_DIR).`,
    );
    this.name = 'DataDirectoryInUse';
  }
}

/** Who owns the directory; the socket name is unlike any before. */
interface Owner {
  readonly pid: number;
  readonly socket: string;
}

/** Directories owned, or being claimed, by this process. */
const ownedHere = new Set<string>();

const OWNER_KEY = 'owner';
const OWNER_FILE = 'owner.mdb';

/** A new name for a socket to listen on before the directory is claimed. */
export function candidateSocket(): string {
  return `${randomBytes(6).toString('hex')}.sock`;
}

/**
 * The right to a data directory. Each engine first listens on a socket of its own, then swaps itself in as the owner
 * in a small lmdb file: the only compare-and-swap on disk that Node has, and whose lock the system frees when its
 * holder dies. An owner whose socket refuses connections is dead, so a kill -9 leaves nothing to wait for; one that
 * merely hangs still has its socket. Only the owner puts its socket under the public name.
 */
export class Ownership {
  readonly #real: string;
  readonly #path: string;
  readonly #database: RootDatabase<Owner, string>;
  readonly #me: Owner;
  #previous: string | undefined;

  private constructor(real: string, path: string, database: RootDatabase<Owner, string>, me: Owner) {
    this.#real = real;
    this.#path = path;
    this.#database = database;
    this.#me = me;
  }

  /**
   * Claims the directory for the socket, which must be listening already.
   * @param sockets - the directory by the path that sockets are reached by
   * @throws DataDirectoryInUse if its owner is alive
   */
  static async claim(path: string, sockets: string, socket: string): Promise<Ownership> {
    // lmdb must not be opened twice on one file within a process: closing one then breaks the other.
    const real = await realpath(path);
    if (ownedHere.has(real)) throw new DataDirectoryInUse(path, process.pid);
    ownedHere.add(real);
    try {
      return await Ownership.#claimFrom(real, path, sockets, socket);
    } catch (error) {
      ownedHere.delete(real);
      throw error;
    }
  }

  static async #claimFrom(real: string, path: string, sockets: string, socket: string): Promise<Ownership> {
    const database = open<Owner, string>({ path: join(path, OWNER_FILE), encoding: 'json' });
    const ownership = new Ownership(real, path, database, { pid: process.pid, socket });
    try {
      for (;;) {
        const owner = database.get(OWNER_KEY);
        if (owner && (await isAlive(sockets, owner))) throw new DataDirectoryInUse(path, owner.pid);
        if (ownership.#swap(owner)) break;
      }
      await rename(join(path, socket), join(path, SOCKET_NAME));
      if (ownership.#previous) await rm(join(path, ownership.#previous), { force: true });
      return ownership;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  #swap(expected: Owner | undefined): boolean {
    return this.#database.transactionSync(() => {
      const current = this.#database.get(OWNER_KEY);
      if (current?.socket !== expected?.socket) return false;
      this.#previous = expected?.socket;
      this.#database.putSync(OWNER_KEY, this.#me);
      return true;
    });
  }

  /** Gives the directory up. Call when the storage is closed and the socket still listens. */
  async release(): Promise<void> {
    await rm(join(this.#path, SOCKET_NAME), { force: true });
    this.#database.transactionSync(() => {
      if (this.#database.get(OWNER_KEY)?.socket === this.#me.socket) this.#database.removeSync(OWNER_KEY);
    });
    await this.#database.close();
    ownedHere.delete(this.#real);
  }
}

/** Its own socket name first: between claim and rename it is there, afterwards under the public name. */
async function isAlive(sockets: string, owner: Owner): Promise<boolean> {
  return (await answers(join(sockets, owner.socket))) || (await answers(join(sockets, SOCKET_NAME)));
}

/** Whether someone listens on a socket. In doubt (no permission, too many waiting) the answer is yes. */
export async function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      settle(error.code !== 'ENOENT' && error.code !== 'ECONNREFUSED' && error.code !== 'ENOTSOCK');
    });
  });
}
