import type { MongoClientOptions } from 'mongodb';
import type { Logger } from 'pino';
import type { DatabaseSettings } from '../config.ts';
import { type Connection, type WatchDriver, attachServer, joinServer } from '../database/connect.ts';
import { type Collections, collectionsOf, createIndexes } from '../database/collections.ts';

/** The service's database: its connection and its collections. */
export interface Database extends Connection {
  collections: Collections;
  /**
   * Connects, and creates missing indexes. Commands sent before that fail.
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

/**
 * The service's database, not yet connected.
 * @param watch - receives the client before it opens its first connection
 * @throws as attachServer
 */
export async function attachDatabase(
  settings: DatabaseSettings,
  log: Logger,
  options: MongoClientOptions = {},
  watch?: WatchDriver,
): Promise<Database> {
  return withCollections(await attachServer(settings, log, options, watch));
}

/**
 * The service's database, connected.
 * @throws as attachServer; the driver's error where the server cannot be reached
 */
export async function openDatabase(
  settings: DatabaseSettings,
  log: Logger,
  options: MongoClientOptions = {},
  watch?: WatchDriver,
): Promise<Database> {
  return connected(await attachDatabase(settings, log, options, watch));
}

/**
 * The service's database for a command, connected: through the service that runs the embedded engine, if one does.
 * @throws as openDatabase
 */
export async function joinDatabase(settings: DatabaseSettings, log: Logger): Promise<Database> {
  return connected(withCollections(await joinServer(settings, log)));
}
