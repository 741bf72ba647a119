import { existsSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import type { Logger } from 'pino';
import { createApp } from './app.ts';
import { KeyStore } from './auth/store.ts';
import { InvalidSettings, type Settings, readSettings } from './config.ts';
import { type Database, attachDatabase, boundsOf } from './database/connect.ts';
import { isDatabaseFailure } from './database/failures.ts';
import { reach, reachPatiently } from './database/reach.ts';
import { DatabaseWatch } from './database/watch.ts';
import { DataDirectoryInUse, UnusableStore } from './embedded/start.ts';
import { Readiness } from './health/readiness.ts';
import { createListener, listen } from './http/listener.ts';
import { serveMetrics } from './http/metrics-app.ts';
import { warmUp } from './http/warm-up.ts';
import { endWithin, untilEnd } from './lifecycle.ts';
import { createLog } from './log.ts';
import { withoutCredentials } from './database/credentials.ts';
import { keepRunsFor } from './runs/retention.ts';
import { loadSamplesIfEmpty } from './samples/load-samples.ts';
import { type Telemetry, startTelemetry } from './telemetry/telemetry.ts';

/** How long requests in flight may take to finish once the process is told to end, and all of its ending. */
const DRAIN_MS = 8_000;
const END_MS = 9_500;

/**
 * By default V8 lets its heap grow severalfold before it collects, of which a long listing would make full use. Collecting
 * each time it has grown by this much keeps such a listing within 64 MB; by less costs every other request (npm run bench).
 */
const HEAP_GROWING_PERCENT = 60;

const UNPROTECTED =
  'AUTH=none, on an address that other hosts can reach: whoever does, and names this machine by a loopback name, may do everything';
const NO_KEYS =
  'there are no keys yet, so that nobody can ask anything: npm run keys -- create --name NAME --admin';

const NOTHING_TO_END = async () => {};

interface Surroundings {
  settings: Settings;
  log: Logger;
  database: Database;
  telemetry: Telemetry;
  /** Resolves when the process is told to end; what waits for the database is given up then. */
  ended: Promise<void>;
  giveUp: AbortSignal;
}

/** Serves on a database, until the process is told to end and nothing is in flight any more. */
async function serve({ settings, log, database, telemetry, ended, giveUp }: Surroundings): Promise<void> {
  const { auth, host, limits, metricsAddress, port, reachable, runRetentionDays } = settings;
  const now = () => new Date();
  const watch = new DatabaseWatch({ ...database, log, now });
  const readiness = new Readiness(watch);
  const app = createApp({ ...settings, ...database, ...telemetry, log, now, database: watch, readiness });
  const { server, drain } = createListener(app, log, limits);
  let stopRetention = NOTHING_TO_END;
  let closeMetrics = NOTHING_TO_END;

  const prepare = async () => {
    const { uri, dataDir } = settings.database;
    log.info({ database: uri ? 'MONGODB_URI' : 'embedded', ...(!uri && { dataDir }) }, 'database open');
    if (settings.sampleData && !uri && (await loadSamplesIfEmpty(database.collections))) {
      log.info('sample data loaded');
    }
    await warmUp(app);
    if (auth === 'required' && !(await new KeyStore(database.collections, log).hasAny())) log.warn(NO_KEYS);
    if (runRetentionDays !== undefined)
      stopRetention = keepRunsFor(runRetentionDays, { ...database, log, now });
    readiness.started();
  };

  try {
    if (telemetry.metrics && metricsAddress) {
      closeMetrics = await serveMetrics(telemetry.metrics, metricsAddress, { log, limits });
    }
    // The first caller does not wait for what can be prepared; without a database, callers are told so meanwhile.
    const reached = await reach(database, watch);
    if (reached) await prepare();
    const url = await listen(server, port, host);
    log.info({ url, docs: `${url}/docs`, auth }, 'listening');
    if (auth === 'none' && reachable) log.warn(UNPROTECTED);
    if (!reached && (await reachPatiently(database, { watch, log, giveUp }))) await prepare();
    await ended;
  } finally {
    endWithin(END_MS, log);
    readiness.ending();
    await drain({ delayMs: limits.drainDelayMs, deadlineMs: DRAIN_MS });
    watch.stop();
    await stopRetention();
    await closeMetrics();
  }
}

async function main(settings: Settings): Promise<void> {
  const { limits, logLevel } = settings;
  const log = createLog(logLevel);
  const telemetry = await startTelemetry(settings, log);
  // From the start: told to end while it starts, the service still closes its database.
  const givingUp = new AbortController();
  const ended = untilEnd(log, givingUp);
  const options = { ...boundsOf(limits), ...telemetry.driverOptions };
  const database = await attachDatabase(settings.database, log, options, telemetry.watchDriver);
  try {
    await serve({ settings, log, database, telemetry, ended, giveUp: givingUp.signal });
  } finally {
    await database.close();
    await telemetry.end();
  }
}

/** What the operator can mend, in a line; undefined where only the stack tells where to look. */
function explain(error: unknown): string | undefined {
  if (
    error instanceof InvalidSettings ||
    error instanceof DataDirectoryInUse ||
    error instanceof UnusableStore
  ) {
    return error.message;
  }
  if (!(error instanceof Error)) return undefined;
  if (isDatabaseFailure(error)) return `The database cannot be used: ${error.message}`;
  if ('code' in error && error.code === 'EADDRINUSE') return `Something else listens there: ${error.message}`;
  return undefined;
}

let uri: string | undefined;
try {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  if (existsSync('.env')) process.loadEnvFile('.env');
  const settings = readSettings(process.env);
  uri = settings.database.uri;
  await main(settings);
} catch (error) {
  const text = explain(error) ?? (error instanceof Error ? error.stack : undefined) ?? String(error);
  process.stderr.write(`${withoutCredentials(text, uri)}\n`);
  process.exitCode = 1;
}
