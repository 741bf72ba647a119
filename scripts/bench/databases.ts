import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { KeyStore } from '../../src/store/key-store.ts';
import { type Database, openDatabase } from '../../src/store/open-store.ts';
import { type DatabaseName, fill, listedAccounts } from './fill.ts';
import type { BenchPlan } from './plan.ts';

/** Parent folder of embedded databases: dist/, which is on a disk; the system's temporary folder may be in memory. */
const PARENT = join(import.meta.dirname, '../..');

/**
 * The database that a process opens: its own copy of an embedded database, or the server's database, which all
 * processes share.
 */
export interface OpenFor {
  /** Environment variables with which the process opens the database. */
  environment: Record<string, string>;
  /** Deletes the copy of an embedded database. Does nothing for a database on a server. */
  discard(): Promise<void>;
}

/**
 * Creates and deletes the databases of the bench. An embedded database is filled once and copied for each process. On
 * a server, all processes use the same database, which has a unique name.
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

  /** @param uri - connection string of a MongoDB server; undefined for the embedded engine */
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

  /** Creates and fills a database, creates its API keys, and closes it. */
  async fill(
    name: DatabaseName,
    work: { plan: BenchPlan; onProgress: (documents: number) => void },
  ): Promise<void> {
    // Register the database before filling it, so that close() drops it even if filling fails.
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

  /** Returns the API key of an account, or the admin key if no account is given. */
  keyOf(name: DatabaseName, account?: string): string {
    return this.#filled.get(name)?.get(account) ?? '';
  }

  /** Returns what a process needs to open a filled database: a copy of an embedded one, or access to the server. */
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

  async close(): Promise<void> {
    if (this.uri) {
      for (const name of this.#filled.keys()) {
        const database = await this.#open(name);
        await database.client.db(this.#nameOf(name)).dropDatabase();
        await database.close();
      }
    }
    // An interrupted bench may still be copying into the folder.
    await rm(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}
