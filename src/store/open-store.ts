import { type Connection, attachServer, joinServer } from '../database/connect.ts';
import { type Collections, collectionsOf, createIndexes } from './collections.ts';
import { upgrade } from './upgrade.ts';

/** The service's database: the connection and the collections. */
export interface Database extends Connection {
  collections: Collections;
  /**
   * Connects, creates missing indexes, and upgrades documents of earlier versions. Call it before the first command.
   * @throws the driver's error if the server is unreachable or refuses the connection
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

/** Returns the service's database, not yet connected. Takes the parameters and throws the errors of `attachServer`. */
export async function attachDatabase(...target: Target): Promise<Database> {
  return withCollections(await attachServer(...target));
}

/**
 * Returns the service's database, connected. Takes the parameters of `attachServer`.
 * @throws the errors of `attachServer`; the driver's error if the server is unreachable
 */
export async function openDatabase(...target: Target): Promise<Database> {
  return connected(await attachDatabase(...target));
}

/**
 * Returns the service's database, connected, for a command such as `npm run keys`. If a running service has started the
 * embedded engine, connects through the socket of that service.
 * @throws the errors of `openDatabase`
 */
export async function joinDatabase(...target: Parameters<typeof joinServer>): Promise<Database> {
  return connected(withCollections(await joinServer(...target)));
}
