import { Arguments } from './arguments.ts';
import type { Collection } from './catalog.ts';
import type { Call, Reply } from './engine.ts';
import { CommandError } from './errors.ts';
import { STAGING_DATABASE } from './janitor.ts';
import { checkDatabaseName, collectionName } from './namespaces.ts';
import type { Store } from './store.ts';

/** A collection that a restore has loaded into the staging database, and its name after the restore. */
export interface StagedCollection {
  /** The collection's name in the staging database. */
  readonly staged: string;
  /** The database and name that the collection gets when the restore ends. */
  readonly db: string;
  readonly name: string;
  /** Number of documents that the restore has loaded. */
  readonly count: number;
  /** Number of indexes that the restore has created, in addition to the index on _id. */
  readonly indexes: number;
}

/**
 * Drops all collections of all other databases and renames the staged collections, in one commit. Apart from counting
 * documents, the cost does not depend on the size of the database. Call only inside Store.write().
 * @throws CommandError 20, before any change, if a staged collection's number of documents or indexes is wrong
 */
function replaceAllByStaged(store: Store, staged: readonly StagedCollection[]): void {
  const found = staged.map((wanted): [Collection, StagedCollection] => {
    const collection = store.collection(STAGING_DATABASE, wanted.staged);
    const count = collection ? store.countRecords(collection) : 0;
    const isSame = count === wanted.count && collection?.indexes.length === wanted.indexes + 1;
    if (collection && isSame) return [collection, wanted];
    throw new CommandError(
      20,
      `${wanted.db}.${wanted.name} does not contain the ${wanted.count} documents and ${wanted.indexes} indexes that were loaded; is another restore running?`,
    );
  });
  for (const collection of store.collections()) {
    if (collection.db !== STAGING_DATABASE) store.dropCollection(collection);
  }
  for (const [collection, { db, name }] of found) store.renameCollection(collection, db, name);
}

/**
 * The command `replaceAllByStaged` ends a restore: it replaces all databases with the staged collections. It does not
 * exist in MongoDB. Form: `{replaceAllByStaged: 1, collections: [{staged, db, name, count, indexes}]}`.
 */
export async function replaceAll({ args, engine, db }: Call): Promise<Reply> {
  if (db !== STAGING_DATABASE) {
    throw new CommandError(
      13,
      `replaceAllByStaged may only be run against the ${STAGING_DATABASE} database.`,
    );
  }
  const staged = (args.list('collections') ?? []).map((entry) =>
    readEntry(engine, Arguments.of('replaceAllByStaged.collections', entry)),
  );
  await engine.store.write(() => replaceAllByStaged(engine.store, staged));
  engine.janitor.wake();
  return {};
}

function readEntry(engine: Call['engine'], args: Arguments): StagedCollection {
  const db = args.text('db') ?? '';
  checkDatabaseName(db);
  if (db === STAGING_DATABASE)
    throw new CommandError(73, `'${db}' cannot be restored: it is the staging database`);
  const name = collectionName({ engine, args, db }, 'name');
  const staged = collectionName({ engine, args, db: STAGING_DATABASE }, 'staged');
  return { staged, db, name, count: args.count('count') ?? 0, indexes: args.count('indexes') ?? 0 };
}
