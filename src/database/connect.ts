import { type Db, MongoClient, type MongoClientOptions } from 'mongodb';
import type { Logger } from 'pino';
import type { DatabaseSettings } from '../config/settings.ts';
import { findRunningEmbedded, startEmbedded } from '../embedded/index.ts';
import type { Limits } from '../config/limits.ts';
import { Unusable, depending, describeSystemError, reasonOf } from '../lib/system-errors.ts';
import { withoutCredentials } from './credentials.ts';
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

/** The error for a connection string that the driver cannot use, without its password. */
function unusableUri(uri: string, error: unknown): Unusable {
  const problem =
    describeSystemError(error) ?? `${reasonOf(error)}. Check the connection string and its options.`;
  return new Unusable('MONGODB_URI', withoutCredentials(problem, uri));
}

/**
 * Whether connecting failed because of a file or module that the connection string names. Other system errors, such as
 * network errors, may be temporary.
 */
function isUnusable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'MongoMissingDependencyError') return true;
  if ('syscall' in error && ['open', 'read'].includes(String(error.syscall))) return true;
  // OpenSSL cannot read a key or certificate.
  return ('code' in error && String(error.code).startsWith('ERR_OSSL_')) || isUnusable(error.cause);
}

/** @throws Unusable if the connection string is wrong */
function createClient(uri: string, name: string, options: MongoClientOptions) {
  try {
    const client = new MongoClient(uri, defaultsFor(uri, { ...DEFAULTS, ...options }));
    return { client, db: client.db(name) };
  } catch (error) {
    throw unusableUri(uri, error);
  }
}

function connectTo(
  server: Server,
  databaseName: string,
  options: MongoClientOptions,
  watch?: WatchDriver,
): Connection {
  const { client, db } = createClient(server.uri, databaseName, options);
  watch?.(client);
  return {
    client,
    db,
    connect: async () => {
      try {
        await client.connect();
      } catch (error) {
        throw isUnusable(error) ? unusableUri(server.uri, error) : error;
      }
    },
    close: async () => {
      await client.close();
      await server.close();
    },
  };
}

/** Runs work that needs the data directory; a system error then names DATA_DIR. */
const onDataDir = <T>(dataDir: string, work: () => Promise<T>) => depending(`DATA_DIR=${dataDir}`, work);

/**
 * The service's database, not yet connected: the server of `uri`, or else the embedded engine, which it starts.
 * @param watch - receives the client before it opens its first connection
 * @throws DataDirectoryInUse where another process runs the engine on that folder; UnusableStore, Unusable
 */
export async function attachServer(
  settings: DatabaseSettings,
  log: Logger,
  options: MongoClientOptions = {},
  watch?: WatchDriver,
): Promise<Connection> {
  const server = settings.uri
    ? { uri: settings.uri, close: NOTHING_TO_CLOSE }
    : await onDataDir(settings.dataDir, () => startEmbedded({ dataDir: settings.dataDir, log }));
  return connectTo(server, settings.name, options, watch);
}

/**
 * The service's database for a command, not yet connected: as attachServer, but through the socket of a service that
 * already runs the embedded engine on that folder.
 * @throws as attachServer
 */
export async function joinServer(settings: DatabaseSettings, log: Logger): Promise<Connection> {
  const { dataDir } = settings;
  const running = settings.uri ? undefined : await onDataDir(dataDir, () => findRunningEmbedded(dataDir));
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
