import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Db, MongoClient } from 'mongodb';
import { STAGING_DATABASE } from '../janitor.ts';
import type { StagedCollection } from '../staging.ts';
import type { ArchivedCollection } from './archive-format.ts';
import { readArchive } from './archive-reader.ts';
import { batchesOf, sendRaw } from './raw-commands.ts';

export interface RestoreFigures {
  collections: number;
  documents: number;
  /** Of the documents, as stored. */
  bytes: number;
  /** The names of the databases that are there now. */
  databases: string[];
}

/** The database holds documents that a restore would replace. */
export class DatabaseInUse extends Error {
  constructor(contents: string) {
    super(`The database contains ${contents}. Pass --force to replace all of it. Nothing was changed.`);
    this.name = 'DatabaseInUse';
  }
}

/** What a restore reports while it works: first each document read, then each one loaded. */
export interface RestoreProgress {
  onVerified?(figures: Omit<RestoreFigures, 'databases'>): void;
  onLoaded?(documents: number): void;
}

/** A connection to the embedded engine. */
interface Engine {
  client: MongoClient;
  close(): Promise<void>;
}

/** Databases of a server's own, which an archive of a whole server has and which mean nothing here. */
const SERVER_DATABASES = new Set(['admin', 'config', 'local']);
const isWanted = ({ db }: ArchivedCollection): boolean => !SERVER_DATABASES.has(db);

/**
 * Replaces everything in the embedded database by an archive's contents. The whole file is read and checked first; then
 * it is loaded beside what is there; then both change places in one commit. Until that commit, and after any failure or
 * crash, the old contents are there untouched; what was loaded goes at the next restore or start.
 * @param join - connects to the embedded engine, once the file is known to be whole
 * @throws UnusableArchive, DatabaseInUse, WriteRefused (such as for two documents of one _id); nothing has changed then
 */
export async function restoreArchive(
  path: string,
  join: () => Promise<Engine>,
  force: boolean,
  progress: RestoreProgress = {},
): Promise<RestoreFigures> {
  const file = await open(path, 'r');
  try {
    const figures = await verify(file);
    const { client, close } = await join();
    try {
      const contents = force ? undefined : await describeContents(client);
      if (contents !== undefined) throw new DatabaseInUse(contents);
      progress.onVerified?.(figures);
      const databases = await replaceAll(client, file, progress);
      return { ...figures, databases };
    } finally {
      await close();
    }
  } finally {
    await file.close();
  }
}

async function replaceAll(
  engine: MongoClient,
  file: FileHandle,
  progress: RestoreProgress,
): Promise<string[]> {
  const staging = engine.db(STAGING_DATABASE);
  await staging.dropDatabase();
  try {
    const staged = await load(staging, file, progress);
    await staging.command({ replaceAllByStaged: 1, collections: staged });
    return [...new Set(staged.map(({ db }) => db))];
  } catch (error) {
    // Where this fails too, as when the service has ended, the next start does it.
    await staging.dropDatabase().catch(() => undefined);
    throw error;
  }
}

async function verify(file: FileHandle): Promise<Omit<RestoreFigures, 'databases'>> {
  const figures = { collections: 0, documents: 0, bytes: 0 };
  for await (const part of readArchive(file)) {
    if (part.kind === 'collections') {
      figures.collections = part.collections.filter(isWanted).length;
    } else if (isWanted(part.collection)) {
      figures.documents += part.documents.length;
      for (const document of part.documents) figures.bytes += document.length;
    }
  }
  return figures;
}

/** Such as "3 documents in recoup.tasks"; undefined where there are none. */
async function describeContents(engine: MongoClient): Promise<string | undefined> {
  const found: string[] = [];
  const { databases } = await engine.db('admin').admin().listDatabases({ nameOnly: true });
  for (const { name } of databases.filter((database) => database.name !== STAGING_DATABASE)) {
    for (const collection of await engine.db(name).collections()) {
      const documents = await collection.estimatedDocumentCount();
      if (documents > 0)
        found.push(`${documents.toLocaleString('en-US')} documents in ${collection.namespace}`);
    }
  }
  return found.length > 0 ? found.join(', ') : undefined;
}

async function load(
  staging: Db,
  file: FileHandle,
  { onLoaded }: RestoreProgress,
): Promise<StagedCollection[]> {
  const loaded = new Map<ArchivedCollection, { staged: string; count: number }>();
  for await (const part of readArchive(file)) {
    if (part.kind === 'collections') {
      for (const [at, collection] of part.collections.filter(isWanted).entries()) {
        const staged = `c${at}`;
        await staging.createCollection(staged);
        // Indexes first, so that documents which do not fit a unique one are refused when they come.
        const { indexes } = collection;
        if (indexes.length > 0) await staging.command({ createIndexes: staged, indexes });
        loaded.set(collection, { staged, count: 0 });
      }
      continue;
    }
    const target = loaded.get(part.collection);
    if (!target) continue;
    for (const batch of batchesOf(part.documents)) {
      target.count += await sendRaw(staging, 'insert', target.staged, batch);
      onLoaded?.(batch.length);
    }
  }
  return [...loaded].map(([{ db, name, indexes }, target]) => ({
    db,
    name,
    indexes: indexes.length,
    ...target,
  }));
}
