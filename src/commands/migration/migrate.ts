import type { MongoClient } from 'mongodb';
import { StoreSnapshot } from '../../embedded/index.ts';
import { type CopyFigures, copyCollection } from './copy.ts';
import { MigrationTarget } from './target.ts';
import { createIndexes, verifyDocuments } from './verify.ts';

export interface MigrationFigures extends CopyFigures {
  collections: number;
  /** Number of documents that were compared and are equal on both sides. */
  documents: number;
  /** Total size of the compared documents, in bytes. */
  bytes: number;
  indexes: number;
}

export interface MigrationProgress {
  /** Called when copying begins and when comparing begins, with the number of documents to process. */
  onPhase?(phase: 'Copying' | 'Comparing', documents: number): void;
  onProgress?(documents: number): void;
}

/** Thrown if the embedded database was written to during the migration, so that the copy may be incomplete. */
export class WrittenMeanwhile extends Error {
  constructor() {
    super(
      'The database changed while it was compared, so the copy may be incomplete. ' +
        'Stop the service and repeat the command; it continues from here.',
    );
    this.name = 'WrittenMeanwhile';
  }
}

/** Thrown if the data directory contains no database with the name that the service uses. */
export class NoSuchDatabase extends Error {
  constructor(dataDir: string, name: string, names: readonly string[]) {
    super(
      `There is no database "${name}" in ${dataDir}, so there is nothing to copy. Databases there: ${names.join(', ') || 'none'}. ` +
        'MONGODB_DATABASE names the database on both sides; its default here is recoup. To use another name on the server only, ' +
        'leave it unset and put the name in the path of --to.',
    );
    this.name = 'NoSuchDatabase';
  }
}

/** Thrown if the new name of the service's database is the name of another database in the data directory. */
export class SameName extends Error {
  constructor(name: string) {
    super(
      `The data directory has another database "${name}", which is copied to the same name. Use a different name in the path of --to.`,
    );
    this.name = 'SameName';
  }
}

/**
 * Copies the whole embedded database of a data directory to a server, and compares every document. After an
 * interruption, another call continues the migration.
 * @param rename - name of the service's database in the data directory (`from`) and on the server (`to`)
 * @throws NoStore, UnusableStore, NoSuchDatabase, SameName, ForeignDocuments, NotEqual, WrittenMeanwhile, or the
 * driver's error
 */
export async function migrate(
  dataDir: string,
  client: MongoClient,
  rename: { from: string; to: string },
  { onPhase, onProgress = () => {} }: MigrationProgress = {},
): Promise<MigrationFigures> {
  let snapshot = await StoreSnapshot.open(dataDir);
  try {
    const names = [...new Set(snapshot.collections.map(({ db }) => db))];
    if (!names.includes(rename.from)) throw new NoSuchDatabase(dataDir, rename.from, names);
    if (rename.from !== rename.to && names.includes(rename.to)) {
      throw new SameName(rename.to);
    }
    const target = new MigrationTarget(client, new Map([[rename.from, rename.to]]));
    const copied = await copyAll(snapshot, target, { onPhase, onProgress });
    // Take a new snapshot, so that the comparison detects documents that were written after the first one.
    await snapshot.close();
    snapshot = await StoreSnapshot.open(dataDir);
    onPhase?.('Comparing', countAll(snapshot));
    const compared = await verifyDocuments(snapshot, target, onProgress);
    // Create indexes last, because a TTL index may delete documents.
    let indexes = 0;
    for (const source of snapshot.collections) indexes += await createIndexes(source, target);
    if (snapshot.lastCommit() !== snapshot.openedAt) throw new WrittenMeanwhile();
    await target.release(snapshot);
    return { collections: snapshot.collections.length, ...compared, indexes, ...copied };
  } finally {
    await snapshot.close();
  }
}

async function copyAll(
  snapshot: StoreSnapshot,
  target: MigrationTarget,
  { onPhase, onProgress = () => {} }: MigrationProgress,
): Promise<CopyFigures> {
  await target.claim(snapshot);
  onPhase?.('Copying', countAll(snapshot));
  const copied: CopyFigures = { inserted: 0, replaced: 0, deleted: 0 };
  for (const source of snapshot.collections) {
    const figures = await copyCollection(snapshot, source, target.db(source), onProgress);
    copied.inserted += figures.inserted;
    copied.replaced += figures.replaced;
    copied.deleted += figures.deleted;
  }
  return copied;
}

function countAll(snapshot: StoreSnapshot): number {
  return snapshot.collections.reduce((sum, collection) => sum + snapshot.count(collection), 0);
}
