import { MongoClient } from 'mongodb';
import type { MongoClientOptions } from 'mongodb';
import type { Logger } from 'pino';
import type { DatabaseSettings } from '../config.ts';
import { findRunningEmbedded, startEmbedded } from '../embedded/start.ts';
import type { Limits } from '../limits.ts';
import { type Collections, collectionsOf, createIndexes } from './collections.ts';
import { mendDriverWrites } from './driver-writes.ts';

mendDriverWrites();

export interface Database {
  client: MongoClient;
  collections: Collections;
  /**
   * Connects, and creates the indexes that are missing. What is asked before fails.
   * @throws the driver's error where the server cannot be reached or refuses
   */
  connect(): Promise<void>;
  /** Ends the connections, and the embedded engine where this process runs it. */
  close(): Promise<void>;
}

/**
 * The driver waits for ever by default: for a reply, and for a free connection. `timeoutMS` would bound both, but has
 * no effect in mongodb 7.9.
 */
export const DEFAULTS = {
  appName: 'recoup-tasks',
  connectTimeoutMS: 3_000,
  // What is written counts on it. A connection string may say otherwise: some servers know no such writes.
  retryWrites: true,
  serverSelectionTimeoutMS: 3_000,
  socketTimeoutMS: 30_000,
  waitQueueTimeoutMS: 5_000,
} satisfies MongoClientOptions;

/**
 * Bounds for the database of the service: that every request ends in time, whatever it does. A server that no longer says
 * hello is found out within seconds, and what waits for it then fails, instead of each for itself.
 */
export function boundsOf({
  databasePoolSize,
  queueTimeoutMs,
  operationTimeoutMs,
}: Limits): MongoClientOptions {
  const shortMs = Math.min(operationTimeoutMs, 2_000);
  return {
    connectTimeoutMS: shortMs,
    heartbeatFrequencyMS: 2_000,
    maxPoolSize: databasePoolSize,
    serverSelectionTimeoutMS: shortMs,
    socketTimeoutMS: operationTimeoutMs,
    waitQueueTimeoutMS: queueTimeoutMs,
  };
}

/** Those options that a connection string does not name: the driver would prefer them to what the string says. */
export function defaultsFor(uri: string, defaults: MongoClientOptions): MongoClientOptions {
  const query = uri.split('?')[1]?.toLowerCase() ?? '';
  const named = new Set(query.split('&').map((option) => option.split('=')[0]));
  return Object.fromEntries(Object.entries(defaults).filter(([name]) => !named.has(name.toLowerCase())));
}

/** Is given the driver before it opens its first connection. */
type WatchDriver = (client: MongoClient) => void;

interface Server {
  uri: string;
  close(): Promise<void>;
}

const NOTHING_TO_CLOSE = async () => {};

function attach(
  server: Server,
  databaseName: string,
  options: MongoClientOptions,
  watch?: WatchDriver,
): Database {
  const client = new MongoClient(server.uri, defaultsFor(server.uri, { ...DEFAULTS, ...options }));
  watch?.(client);
  const collections = collectionsOf(client.db(databaseName));
  return {
    client,
    collections,
    connect: async () => {
      await client.connect();
      await createIndexes(collections);
    },
    close: async () => {
      await client.close();
      await server.close();
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
 * The service's database, not yet connected: the server of `uri`, or else the embedded engine, which it starts.
 * @param watch - is given the driver before it opens its first connection
 * @throws DataDirectoryInUse where another process runs the engine on that folder; UnusableStore
 */
export async function attachDatabase(
  settings: DatabaseSettings,
  log: Logger,
  options: MongoClientOptions = {},
  watch?: WatchDriver,
): Promise<Database> {
  const server = settings.uri
    ? { uri: settings.uri, close: NOTHING_TO_CLOSE }
    : await startEmbedded({ dataDir: settings.dataDir, log });
  return attach(server, settings.name, options, watch);
}

/**
 * The service's database, connected.
 * @throws as attachDatabase; the driver's error where the server cannot be reached.
 */
export async function openDatabase(
  settings: DatabaseSettings,
  log: Logger,
  options: MongoClientOptions = {},
  watch?: WatchDriver,
): Promise<Database> {
  return connected(await attachDatabase(settings, log, options, watch));
}

/** As openDatabase, for scripts: where a service runs the engine on that folder, through its socket. */
export async function joinDatabase(settings: DatabaseSettings, log: Logger): Promise<Database> {
  const running = settings.uri ? undefined : await findRunningEmbedded(settings.dataDir);
  if (!running) return openDatabase(settings, log);
  return connected(attach({ uri: running, close: NOTHING_TO_CLOSE }, settings.name, {}));
}

/**
 * The embedded engine on a folder, whatever it holds, for scripts: through its socket where a service runs it, else
 * started here.
 * @throws DataDirectoryInUse, UnusableStore
 */
export async function joinEmbedded(
  dataDir: string,
  log: Logger,
): Promise<Pick<Database, 'client' | 'close'>> {
  const running = await findRunningEmbedded(dataDir);
  const server = running ? { uri: running, close: NOTHING_TO_CLOSE } : await startEmbedded({ dataDir, log });
  const client = new MongoClient(server.uri, defaultsFor(server.uri, DEFAULTS));
  return {
    client,
    close: async () => {
      await client.close();
      await server.close();
    },
  };
}
