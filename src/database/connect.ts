import { type Db, MongoClient, type MongoClientOptions } from 'mongodb';
import type { Logger } from 'pino';
import type { DatabaseSettings } from '../config/settings.ts';
import { findRunningEmbedded, startEmbedded } from '../embedded/index.ts';
import type { Limits } from '../config/limits.ts';
import { Unusable, depending, describeSystemError, reasonOf } from '../lib/system-errors.ts';
import { withoutCredentials } from './credentials.ts';
import { patchDriverWrites } from './driver-writes.ts';

patchDriverWrites();

export interface Connection {
  client: MongoClient;
  db: Db;
  /**
   * @throws Unusable if a file or module that the connection string names is unusable; the driver's error if the server
   *   is unreachable or refuses the connection
   */
  connect(): Promise<unknown>;
  /** Closes the connections. Stops the embedded engine if this process runs it. */
  close(): Promise<void>;
}

/**
 * Default options for every connection. Without them, the driver waits forever for a reply and for a free connection.
 * `timeoutMS` would bound both, but has no effect in mongodb 7.9.
 */
export const DEFAULTS = {
  appName: 'recoup-tasks',
  connectTimeoutMS: 3_000,
  // The stores rely on the driver to retry writes. A connection string may still turn this off for a server that does
  // not support it.
  retryWrites: true,
  serverSelectionTimeoutMS: 3_000,
  socketTimeoutMS: 30_000,
  waitQueueTimeoutMS: 5_000,
} satisfies MongoClientOptions;

/**
 * Returns the pool size and time limits of the service's connections, so that every request ends in time. The driver's
 * monitor detects a dead server within seconds, and the driver then fails the operations that wait for that server.
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

/**
 * Returns the defaults of those options that the connection string does not set. The driver would let a default
 * override the string.
 */
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

/** Returns the error for a connection string that the driver cannot use. Its message does not contain the password. */
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

/** Runs `work`, which needs the data directory. Turns a system error into an Unusable that names DATA_DIR. */
const onDataDir = <T>(dataDir: string, work: () => Promise<T>) => depending(`DATA_DIR=${dataDir}`, work);

/**
 * Returns the service's database, not yet connected. Uses the server at `settings.uri`; without it, starts the embedded
 * engine.
 * @param watch - receives the client before it opens its first connection
 * @throws DataDirectoryInUse if another process runs the embedded engine on the directory; UnusableStore if the
 *   engine's file cannot be used; Unusable if a setting cannot be used
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
 * Returns the service's database for a command such as `npm run keys`, not yet connected. If a running service has
 * started the embedded engine on the directory, uses that service's socket. Otherwise behaves like attachServer.
 * @throws the same errors as attachServer
 */
export async function joinServer(settings: DatabaseSettings, log: Logger): Promise<Connection> {
  const { dataDir } = settings;
  const running = settings.uri ? undefined : await onDataDir(dataDir, () => findRunningEmbedded(dataDir));
  if (!running) return attachServer(settings, log);
  return connectTo({ uri: running, close: NOTHING_TO_CLOSE }, settings.name, {});
}

/**
 * Returns a connection, not yet opened, through which a command can reach all databases of the embedded engine on a
 * directory. Uses the socket of a running service, or starts the engine in this process.
 * @throws DataDirectoryInUse, UnusableStore, Unusable
 */
export async function joinEmbedded(dataDir: string, log: Logger): Promise<Connection> {
  return joinServer({ uri: undefined, name: 'recoup', dataDir }, log);
}
