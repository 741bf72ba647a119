import { type Connection, attachServer, joinServer } from '../database/connect.ts';
import { type Collections, collectionsOf, createIndexes } from './collections.ts';
import { upgrade } from './upgrade.ts';

/** The service's database: its connection and its collections. */
export interface Database extends Connection {
  collections: Collections;
  /**
   * Connects, creates missing indexes, and upgrades documents of an earlier version. Commands sent before that fail.
   * @throws the driver's error where the server cannot be reached or refuses
   */
  connect(): Promise<void>;
}

function withCollections(connection: Connection): Database {
  const collections = collectionsOf(connection.db);
  return {
    ...connection,
    collections,
    connect: async () => {
      await connection.connect();
      await createIndexes(collections);
      await upgrade(collections);
    },
  };
}

async function connected(database: Database): Promise<Database> {
  try {
    await database.connect();
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

type Target = Parameters<typeof attachServer>;

/** The service's database, not yet connected: parameters and errors as attachServer. */
export async function attachDatabase(...target: Target): Promise<Database> {
  return withCollections(await attachServer(...target));
}

/**
 * The service's database, connected: parameters as attachServer.
 * @throws as attachServer; the driver's error where the server cannot be reached
 */
export async function openDatabase(...target: Target): Promise<Database> {
  return connected(await attachDatabase(...target));
}

/**
 * The service's database for a command, connected: through the service that runs the embedded engine, if one does.
 * @throws as openDatabase
 */
export async function joinDatabase(...target: Parameters<typeof joinServer>): Promise<Database> {
  return connected(withCollections(await joinServer(...target)));
}
