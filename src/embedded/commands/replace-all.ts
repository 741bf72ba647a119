import { Arguments } from '../arguments.ts';
import type { Call, Reply } from '../engine.ts';
import { CommandError } from '../errors.ts';
import { checkDatabaseName, collectionName } from '../namespaces.ts';
import { STAGING_DATABASE, type StagedCollection, replaceAllByStaged } from '../staging.ts';

/**
 * `replaceAllByStaged: 1, collections: [{staged, db, name, count, indexes}]`: the end of a restore. Not a command of MongoDB's.
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
