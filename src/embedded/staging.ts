import { Arguments } from './arguments.ts';
import type { Collection } from './catalog.ts';
import type { Call, Reply } from './engine.ts';
import { CommandError } from './errors.ts';
import { STAGING_DATABASE } from './janitor.ts';
import { checkDatabaseName, collectionName } from './namespaces.ts';
import type { Store } from './store.ts';

/** A loaded collection and its final name. */
export interface StagedCollection {
  /** Its name in the staging database. */
  readonly staged: string;
  readonly db: string;
  readonly name: string;
  /** Number of documents loaded. */
  readonly count: number;
  /** Number of indexes created, without the one on _id. */
  readonly indexes: number;
}

/**
 * Inside a write: drops all collections of all other databases and moves the staged ones to their final names. Atomic.
 * Apart from counting, the cost does not depend on the size of the database.
 * @throws CommandError 20 if the staged collections are not what the caller loaded; nothing is changed then
 */
function replaceAllByStaged(store: Store, staged: readonly StagedCollection[]): void {
  const found = staged.map((wanted): [Collection, StagedCollection] => {
    const collection = store.collection(STAGING_DATABASE, wanted.staged);
    const count = collection ? store.countRecords(collection) : 0;
    const isSame = count === wanted.count && collection?.indexes.length === wanted.indexes + 1;
    if (collection && isSame) return [collection, wanted];
    throw new CommandError(
      20,
      `${wanted.db}.${wanted.name} does not contain the ${wanted.count} documents that were loaded; is another restore running?`,
    );
  });
  for (const collection of store.collections()) {
    if (collection.db !== STAGING_DATABASE) store.dropCollection(collection);
  }
  for (const [collection, { db, name }] of found) store.renameCollection(collection, db, name);
}

/**
 * Ends a restore: `replaceAllByStaged: 1, collections: [{staged, db, name, count, indexes}]`. MongoDB has no such
 * command.
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
