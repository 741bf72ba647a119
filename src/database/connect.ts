import { type Db, MongoClient, type MongoClientOptions } from 'mongodb';
import type { Logger } from 'pino';
import type { DatabaseSettings } from '../config/settings.ts';
import { findRunningEmbedded, startEmbedded } from '../embedded/index.ts';
import type { Limits } from '../config/limits.ts';
import { mendDriverWrites } from './driver-writes.ts';

mendDriverWrites();

export interface Connection {
  client: MongoClient;
  db: Db;
  /** @throws the driver's error where the server cannot be reached or refuses */
  connect(): Promise<unknown>;
  /** Closes the connections, and stops the embedded engine where this process runs it. */
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

type WatchDriver = (client: MongoClient) => void;

interface Server {
  uri: string;
  close(): Promise<void>;
}

const NOTHING_TO_CLOSE = async () => {};

function connectTo(
  server: Server,
  databaseName: string,
  options: MongoClientOptions,
  watch?: WatchDriver,
): Connection {
  const client = new MongoClient(server.uri, defaultsFor(server.uri, { ...DEFAULTS, ...options }));
  watch?.(client);
  return {
    client,
    db: client.db(databaseName),
    connect: () => client.connect(),
    close: async () => {
      await client.close();
      await server.close();
    },
  };
}

/**
 * The service's database, not yet connected: the server of `uri`, or else the embedded engine, which it starts.
 * @param watch - receives the client before it opens its first connection
 * @throws DataDirectoryInUse where another process runs the engine on that folder; UnusableStore
 */
export async function attachServer(
  settings: DatabaseSettings,
  log: Logger,
  options: MongoClientOptions = {},
  watch?: WatchDriver,
): Promise<Connection> {
  const server = settings.uri
    ? { uri: settings.uri, close: NOTHING_TO_CLOSE }
    : await startEmbedded({ dataDir: settings.dataDir, log });
  return connectTo(server, settings.name, options, watch);
}

/**
 * The service's database for a command, not yet connected: as attachServer, but through the socket of a service that
 * already runs the embedded engine on that folder.
 * @throws as attachServer
 */
export async function joinServer(settings: DatabaseSettings, log: Logger): Promise<Connection> {
  const running = settings.uri ? undefined : await findRunningEmbedded(settings.dataDir);
  if (!running) return attachServer(settings, log);
  return connectTo({ uri: running, close: NOTHING_TO_CLOSE }, settings.name, {});
}

/**
 * The embedded engine on a folder, whatever databases it holds: through its socket where a service runs it, else
 * started here.
 * @throws DataDirectoryInUse, UnusableStore
 */
export async function joinEmbedded(dataDir: string, log: Logger): Promise<Connection> {
  return joinServer({ uri: undefined, name: 'recoup', dataDir }, log);
}
