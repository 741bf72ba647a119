import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { CommandStartedEvent, CommandSucceededEvent, MongoClient, MongoClientOptions } from 'mongodb';
import { pino } from 'pino';
import { type Client, createClient } from '../../generated/client/index.ts';
import { createApp } from '../../src/app.ts';
import { readSettings } from '../../src/config/settings.ts';
import { type Database, openDatabase } from '../../src/store/open-store.ts';
import { probeOf } from '../../src/store/collections.ts';
import { DatabaseWatch } from '../../src/database/watch.ts';
import { findRunningEmbedded } from '../../src/embedded/index.ts';
import { Readiness } from '../../src/database/readiness.ts';
import { createListener } from '../../src/http/server/listener.ts';
import type { Limits } from '../../src/config/limits.ts';
import { KeyStore } from '../../src/store/key-store.ts';
import { RunStore } from '../../src/store/run-store.ts';
import { createLog } from '../../src/lib/log.ts';
import { TaskStore } from '../../src/store/task-store.ts';
import { checkedFetch } from './contract.ts';

/** The instant that the tests' clock shows. */
export const NOW = new Date('2026-11-23T12:00:00.000Z');

/** A database of its own for a test file: on MONGODB_URI if set, else on the embedded engine in a new folder. */
export async function openTestDatabase(
  options: MongoClientOptions = {},
  watch?: (client: MongoClient) => void,
) {
  // An empty variable counts as unset, as it does for the service.
  const uri = process.env.MONGODB_URI || undefined;
  const dataDir = await mkdtemp(join(tmpdir(), 'recoup-test-'));
  const log = pino({ level: 'silent' });
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const database = await openDatabase({ uri, name, dataDir }, log, options, watch);
  return {
    ...database,
    uri: uri ?? (await findRunningEmbedded(dataDir)) ?? '',
    name,
    dataDir,
    async close() {
      await database.client.db(name).dropDatabase();
      await database.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

/** Lines that a pino logger wrote, as objects. */
export function memoryLog() {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  return { lines, log: createLog('info', stream) };
}

/** The limits that the settings have by default, and others in their place. A busy machine may take long for a listing. */
export const limitsWith = (others: Partial<Limits> = {}): Limits => ({
  ...readSettings({}).limits,
  operationTimeoutMs: 60_000,
  ...others,
});

type Dependencies = Parameters<typeof createApp>[0];

const CACHE_BYTES = 67_108_864;

/** The app on a database, and what it is composed of. */
export function appOn(
  collections: Database['collections'],
  now: () => Date,
  auth: 'required' | 'none' = 'none',
  options: Partial<Dependencies> = {},
) {
  const { lines, log } = memoryLog();
  const database = new DatabaseWatch({ probe: probeOf(collections), log, now });
  const readiness = new Readiness(database);
  const limits = options.limits ?? limitsWith();
  const always = { collections, auth, log, now, cacheBytes: CACHE_BYTES, database, readiness };
  return { app: createApp({ ...always, ...options, limits }), database, limits, lines, log, readiness };
}

/** The service on a free port of a database: what a request and its reply pass, and the log. */
export async function listenOn(
  collections: Database['collections'],
  now: () => Date,
  auth?: 'required' | 'none',
  { started = true, ...options }: Partial<Dependencies> & { started?: boolean } = {},
) {
  const { app, database, limits, lines, log, readiness } = appOn(collections, now, auth, options);
  if (started) readiness.started();
  const { server, drain } = createListener(app, log, limits);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // A listener on a TCP port has this kind of address; the type also covers sockets and closed ones.
  const { port }: Pick<AddressInfo, 'port'> = JSON.parse(JSON.stringify(server.address()));
  const url = `http://127.0.0.1:${port}`;
  const client: Client = createClient({ baseUrl: url, fetch: checkedFetch });
  return {
    url,
    port,
    server,
    client,
    lines,
    readiness,
    drain,
    async close() {
      await drain({ delayMs: 0, deadlineMs: 5_000 });
      database.stop();
    },
  };
}

/** A whole service for a test file, with its stores, clock and the commands that it sends to its database. */
export async function startService(auth?: 'required' | 'none', options: Partial<Dependencies> = {}) {
  const { metrics } = options;
  const database = await openTestDatabase({ monitorCommands: true }, (client) =>
    metrics?.watchDriver(client),
  );
  // The database deletes expired documents by the machine's clock, for which those of the tests' clock have expired.
  const { idempotency_keys, cancel_requests, deleted_tasks } = database.collections;
  for (const collection of [idempotency_keys, cancel_requests, deleted_tasks])
    await collection.dropIndex('expires_at_1');
  // Not the whole events: jest cannot print the BigInt that a server's `serverConnectionId` is.
  const started: Pick<CommandStartedEvent, 'commandName' | 'command'>[] = [];
  const succeeded: Pick<CommandSucceededEvent, 'reply'>[] = [];
  database.client.on('commandStarted', ({ commandName, command }) => started.push({ commandName, command }));
  database.client.on('commandSucceeded', ({ reply }) => succeeded.push({ reply }));
  const clock = { now: NOW };
  const listener = await listenOn(database.collections, () => clock.now, auth, options);
  return {
    ...listener,
    clock,
    collections: database.collections,
    uri: database.uri,
    dataDir: database.dataDir,
    db: database.client.db(database.name),
    tasks: new TaskStore(database.collections),
    runs: new RunStore(database.collections),
    commands: { started, succeeded },
    keys: new KeyStore(database.collections, pino({ level: 'silent' })),
    /** A request as it is written, its reply checked against the contract. */
    request: (pathAndQuery: string, init?: RequestInit) =>
      checkedFetch(`${listener.url}${pathAndQuery}`, init),
    async close() {
      await listener.close();
      await database.close();
    },
  };
}

export type Service = Awaited<ReturnType<typeof startService>>;
