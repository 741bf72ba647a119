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
  /** Size of the documents as BSON, in bytes. */
  bytes: number;
  /** The databases that exist after the restore. */
  databases: string[];
}

/** Thrown if a restore without --force would replace existing documents. */
export class DatabaseInUse extends Error {
  constructor(contents: string) {
    super(`The database contains ${contents}. Pass --force to replace all of it. Nothing was changed.`);
    this.name = 'DatabaseInUse';
  }
}

/** Callbacks of a restore: onVerified once the file is checked, then onLoaded after each batch, with its size. */
export interface RestoreProgress {
  onVerified?(figures: Omit<RestoreFigures, 'databases'>): void;
  onLoaded?(documents: number): void;
}

interface Engine {
  client: MongoClient;
  close(): Promise<void>;
}

/** Internal databases of a MongoDB server. A dump of a whole server contains them, and a restore skips them. */
const SERVER_DATABASES = new Set(['admin', 'config', 'local']);
const isWanted = ({ db }: ArchivedCollection): boolean => !SERVER_DATABASES.has(db);

/**
 * Replaces the whole embedded database with the contents of an archive. Reads and checks the whole file, loads it into
 * a staging database, then replaces all other databases with it in one commit. A failure or crash before that commit
 * leaves the old contents unchanged; the next restore or start drops the staging database.
 * @param join - connects to the embedded engine; called once the file has been verified
 * @throws UnusableArchive, DatabaseInUse, or WriteRefused (e.g. for a duplicate _id); the old contents then remain
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
    // Best effort: if this fails too, e.g. because the service has ended, its next start drops the staging database.
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

/** Describes the non-empty collections, e.g. "3 documents in recoup.tasks". Undefined if there are none. */
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
        // Create indexes first, so that documents that violate a unique index are rejected as they arrive.
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
