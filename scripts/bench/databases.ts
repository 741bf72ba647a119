import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { KeyStore } from '../../src/store/key-store.ts';
import { type Database, openDatabase } from '../../src/store/open-store.ts';
import { type DatabaseName, fill, listedAccounts } from './fill.ts';
import type { BenchPlan } from './plan.ts';

/** Beside what is built: on a disk, which the folder for temporary files need not be. */
const PARENT = join(import.meta.dirname, '../..');

/** A variant's own copy of a database, or the one that all share on a server. */
export interface OpenFor {
  /** The settings by which a process opens it. */
  environment: Record<string, string>;
  /** Deletes the copy. */
  discard(): Promise<void>;
}

/**
 * The bench's databases: the embedded engine's, filled once, of which each variant gets a copy; or, of a server, one with a
 * name of its own, which all variants use.
 */
export class Databases {
  readonly folder: string;
  readonly uri: string | undefined;
  readonly #run = `bench_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
  readonly #filled = new Map<DatabaseName, Map<string | undefined, string>>();
  #copies = 0;

  private constructor(folder: string, uri: string | undefined) {
    this.folder = folder;
    this.uri = uri;
  }

  /** @param uri - of a MongoDB server; undefined for the embedded engine */
  static async create(uri: string | undefined): Promise<Databases> {
    await mkdir(PARENT, { recursive: true });
    return new Databases(await mkdtemp(join(PARENT, 'bench-')), uri);
  }

  #nameOf(name: DatabaseName): string {
    return `${this.#run}_${name}`;
  }

  #dataDirOf(name: DatabaseName): string {
    return join(this.folder, name);
  }

  #open(name: DatabaseName): Promise<Database> {
    const settings = { uri: this.uri, name: this.#nameOf(name), dataDir: this.#dataDirOf(name) };
    return openDatabase(settings, pino({ level: 'warn' }, pino.destination(2)));
  }

  /** Fills one; closed again when it is done. */
  async fill(
    name: DatabaseName,
    work: { plan: BenchPlan; onProgress: (documents: number) => void },
  ): Promise<void> {
    // Before it is filled, so that it is dropped also where that fails.
    const keysOfAccounts = new Map<string | undefined, string>();
    this.#filled.set(name, keysOfAccounts);
    const database = await this.#open(name);
    try {
      await fill(database.collections, name, work);
      const keys = new KeyStore(database.collections, pino({ level: 'silent' }));
      const { key } = await keys.create({ name: 'bench', scope: 'admin' }, new Date());
      keysOfAccounts.set(undefined, key);
      for (const accountId of listedAccounts(work.plan)) {
        const created = await keys.create({ name: 'bench', accountId }, new Date());
        keysOfAccounts.set(accountId, created.key);
      }
    } finally {
      await database.close();
    }
  }

  /** An account's key, or an admin's. */
  keyOf(name: DatabaseName, account?: string): string {
    return this.#filled.get(name)?.get(account) ?? '';
  }

  /** One for a process. */
  async openFor(name: DatabaseName): Promise<OpenFor> {
    const shared = { MONGODB_DATABASE: this.#nameOf(name) };
    if (this.uri) return { environment: { ...shared, MONGODB_URI: this.uri }, discard: async () => {} };
    this.#copies += 1;
    const dataDir = join(this.folder, `copy-${this.#copies}`);
    await cp(this.#dataDirOf(name), dataDir, { recursive: true, mode: constants.COPYFILE_FICLONE });
    return {
      environment: { ...shared, MONGODB_URI: '', DATA_DIR: dataDir },
      discard: () => rm(dataDir, { recursive: true }),
    };
  }

  /** Drops and deletes all that there was. */
  async close(): Promise<void> {
    if (this.uri) {
      for (const name of this.#filled.keys()) {
        const database = await this.#open(name);
        await database.client.db(this.#nameOf(name)).dropDatabase();
        await database.close();
      }
    }
    // An interrupted bench may still be copying into it.
    await rm(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}
