import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import type { Logger } from 'pino';
import { createApp } from './app.ts';
import { chooseExecutor } from './engine/choose-executor.ts';
import { startLocalEngine } from './engine/local/local-engine.ts';
import { systemClock } from './engine/loop.ts';
import type { Engine, Executor } from './engine/port.ts';
import type { TriggerApi } from './engine/trigger/api.ts';
import { createTriggerClient } from './engine/trigger/client.ts';
import { triggerParts } from './engine/trigger/parts.ts';
import { startTriggerEngine } from './engine/trigger/trigger-engine.ts';
import { KeyStore } from './store/key-store.ts';
import { InvalidSettings, type Settings, readSettings } from './config/settings.ts';
import { readEnvironment } from './config/environment.ts';
import { boundsOf } from './database/connect.ts';
import { type Database, attachDatabase } from './store/open-store.ts';
import { probeOf } from './store/collections.ts';
import { withoutCredentials } from './database/credentials.ts';
import { isDatabaseFailure } from './database/failures.ts';
import { retryUntilReachable } from './database/retry-until-reachable.ts';
import { DatabaseWatch } from './database/watch.ts';
import { DataDirectoryInUse, SocketPathTooLong, UnusableStore } from './embedded/index.ts';
import { Readiness } from './database/readiness.ts';
import { createListener, listen } from './http/server/listener.ts';
import { serveMetrics } from './http/observe/metrics-app.ts';
import { warmUp } from './http/server/warm-up.ts';
import { abortOnSignal, aborted, exitAfter } from './lib/lifecycle.ts';
import { createLog } from './lib/log.ts';
import { Unusable, depending, describeSystemError, reasonOf } from './lib/system-errors.ts';
import { cancelExpiredRuns } from './store/expiry.ts';
import { keepRunsFor } from './store/retention.ts';
import { loadSamplesIfEmpty } from './samples/load-samples.ts';
import { sampleTasks } from './samples/samples.ts';
import { type Telemetry, startTelemetry } from './telemetry/telemetry.ts';

/** After a shutdown signal, requests that take longer than this are cut. */
const DRAIN_MS = 8_000;
/**
 * The process exits this long after a shutdown signal, even if work is unfinished. Runs may have a longer grace period.
 */
const END_MS = 9_500;
/** Additional time to stop executors and store results after the grace period of executing runs has ended. */
const END_AFTER_GRACE_MS = 7_500;

/** Start listening after this long even if not ready, so that liveness probes get an answer. */
const LISTEN_AFTER_MS = 5_000;

/**
 * Growth of V8's heap, in percent, that triggers a garbage collection. By default the heap grows severalfold, and a
 * long listing fills all of it. With this value, a long listing stays within 64 MB. A lower value slows every other
 * request (npm run bench).
 */
const HEAP_GROWING_PERCENT = 60;

const UNPROTECTED =
  'AUTH=none on an address that other hosts can reach: everyone who sends a loopback Host header has full access; ' +
  'set AUTH=required, or HOST=127.0.0.1';
const NO_KEYS =
  'there is no valid API key, so every request is refused; create one with the command: keys create --name NAME --admin';

const UNKNOWN_SETTINGS = 'ignoring unknown settings; recoup-tasks --help lists all settings';

const PREPARING =
  'the database is still being prepared, for example with new indexes; ' +
  'until it is ready, requests to /api, /mcp and /health/ready get 503';

const NOTHING_TO_END = async () => {};

interface Dependencies {
  settings: Settings;
  log: Logger;
  database: Database;
  /** Executes tasks in this process. Undefined if the settings choose Trigger.dev or no engine. */
  executor: Executor | undefined;
  /** Client of Trigger.dev. Undefined unless the settings choose Trigger.dev as the engine. */
  triggerApi: TriggerApi | undefined;
  telemetry: Telemetry;
  /** Aborted when the process begins to shut down, after a signal or an error. */
  ending: AbortController;
}

/** Creates the app, the function that prepares its start, and the function that stops its background work. */
function compose({ settings, log, database, executor, triggerApi, telemetry, ending }: Dependencies) {
  const { auth, runRetentionDays } = settings;
  const { collections } = database;
  const { signal } = ending;
  const now = () => new Date();
  const watch = new DatabaseWatch({ probe: probeOf(collections), log, now });
  const readiness = new Readiness(watch);
  let engine: Engine | undefined;
  const engineState = () => engine?.state();
  const app = createApp({
    ...settings,
    ...database,
    ...telemetry,
    log,
    now,
    database: watch,
    readiness,
    engineState,
    onQueued: () => engine?.wake(),
  });
  const stopping: (() => Promise<void>)[] = [];

  const startEngine = (): Engine | undefined => {
    const observer = telemetry.metrics?.observeEngine(engineState);
    if (settings.trigger && triggerApi) {
      return startTriggerEngine({
        collections,
        api: triggerApi,
        settings: settings.trigger,
        parts: triggerParts,
        log,
      });
    }
    if (!executor || !settings.engine) return undefined;
    const { concurrency, graceMs } = settings.engine;
    return startLocalEngine({
      collections,
      executor,
      log,
      concurrency,
      graceMs,
      sampleTasks,
      runRetentionDays,
      ...(observer && { observer }),
    });
  };

  const startWork = () => {
    stopping.push(cancelExpiredRuns({ collections, log, now }));
    if (runRetentionDays !== undefined)
      stopping.push(keepRunsFor(runRetentionDays, { collections, log, now }));
    if (!executor && !triggerApi) return;
    const started = startEngine();
    engine = started;
    if (started) stopping.push(() => started.stop());
  };

  const prepare = async () => {
    await database.connect();
    const { uri, dataDir } = settings.database;
    log.info({ database: uri ? 'MONGODB_URI' : 'embedded', ...(!uri && { dataDir }) }, 'opened the database');
    if (settings.sampleData && !uri && (await loadSamplesIfEmpty(collections))) {
      log.info('loaded sample data');
    }
    await warmUp(app);
    if (auth === 'required' && !(await new KeyStore(collections, log).hasValid(now()))) log.warn(NO_KEYS);
    // Shutdown may have begun while we awaited; start nothing that nobody will stop.
    signal.throwIfAborted();
    startWork();
    readiness.started();
  };
  const stopWork = async () => {
    await Promise.all(stopping.map((stop) => stop()));
  };
  return { app, watch, readiness, prepare, stopWork };
}

/** Serves requests until shutdown begins and all requests in flight have ended. */
async function serve(dependencies: Dependencies): Promise<void> {
  const { settings, log, telemetry, ending } = dependencies;
  const { auth, host, limits, metricsAddress, port, reachable } = settings;
  const { signal } = ending;
  const { app, watch, readiness, prepare, stopWork } = compose(dependencies);
  const { server, drain } = createListener(app, log, limits);
  const ended = aborted(signal);
  let closeMetrics = NOTHING_TO_END;

  try {
    if (telemetry.metrics && metricsAddress) {
      const { metrics } = telemetry;
      closeMetrics = await depending(
        `METRICS_HOST=${metricsAddress.host}, METRICS_PORT=${metricsAddress.port}`,
        () => serveMetrics(metrics, metricsAddress, { log, limits }),
      );
    }
    let onWait = () => {};
    const waits = new Promise<void>((resolve) => (onWait = resolve));
    const prepared = retryUntilReachable(prepare, { watch, log, giveUp: signal, onWait }).then(() => 'ready');
    const late = pause(LISTEN_AFTER_MS, 'late', { ref: false });
    // Prepare before listening, so that the first request is fast. If the preparation takes long, listen meanwhile and
    // reply 503.
    const first = await Promise.race([prepared, waits, late, ended]);
    if (!signal.aborted) {
      const url = await depending(`HOST=${host}, PORT=${port}`, () => listen(server, port, host));
      const { uri, dataDir } = settings.database;
      log.info({ url, docs: `${url}/docs`, data: uri ? 'MONGODB_URI' : dataDir, auth }, 'listening');
      if (auth === 'none' && reachable) log.warn(UNPROTECTED);
      if (first === 'late') log.warn(PREPARING);
    }
    await Promise.race([prepared, ended]);
    await ended;
  } finally {
    ending.abort();
    readiness.ending();
    // Stop both at once, so that the grace period of executing runs and the drain of requests overlap.
    await Promise.all([drain({ delayMs: limits.drainDelayMs, deadlineMs: DRAIN_MS }), stopWork()]);
    watch.stop();
    await closeMetrics();
  }
}

async function main(settings: Settings, unknown: string[], log: Logger): Promise<void> {
  const { engine, limits, trigger } = settings;
  if (unknown.length > 0) log.warn({ names: unknown }, UNKNOWN_SETTINGS);
  const ending = new AbortController();
  const executor = await chooseExecutor(engine?.executor);
  const triggerApi =
    trigger && (await createTriggerClient({ settings: trigger, clock: systemClock, signal: ending.signal }));
  const telemetry = await startTelemetry(settings, log);
  const endMs = Math.max(END_MS, engine ? engine.graceMs + END_AFTER_GRACE_MS : 0);
  // Register these before the start: a signal during the start must also close the database within the time limit.
  ending.signal.addEventListener('abort', () => exitAfter(endMs, log));
  abortOnSignal(ending, log);
  const options = { ...boundsOf(limits), ...telemetry.driverOptions };
  try {
    const database = await attachDatabase(settings.database, log, options, telemetry.watchDriver);
    try {
      await serve({ settings, log, database, executor, triggerApi, telemetry, ending });
    } finally {
      await database.close();
    }
  } finally {
    ending.abort();
    await executor?.close();
    await telemetry.end();
  }
}

/** Returns a one-line message for an error that the operator can fix; undefined for any other error. */
function explain(error: unknown): string | undefined {
  if (
    error instanceof InvalidSettings ||
    error instanceof Unusable ||
    error instanceof DataDirectoryInUse ||
    error instanceof SocketPathTooLong ||
    error instanceof UnusableStore
  ) {
    return error.message;
  }
  if (!(error instanceof Error)) return undefined;
  if (isDatabaseFailure(error)) return `The database cannot be used: ${error.message}`;
  return describeSystemError(error);
}

/** Returns the log fields of an error that `explain` does not know, without the password of the connection string. */
function unknownError(error: unknown, hide: (text: string) => string): { err?: Error } {
  if (!(error instanceof Error)) return {};
  const { name, message, stack = '' } = error;
  return { err: Object.assign(new Error(hide(message)), { name, stack: hide(stack) }) };
}

let uri: string | undefined;
let log = createLog('fatal');
try {
  // Node 24 warns if code outside of node_modules calls url.parse(). express-openapi-validator calls it, and the
  // bundle includes that package.
  process.noDeprecation = true;
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  const { environment, unknown } = readEnvironment();
  const settings = readSettings(environment);
  uri = settings.database.uri;
  // Load the terminal log on demand: most services run without a terminal.
  const terminal = process.stdout.isTTY && (await import('./lib/terminal-log.ts')).terminalStream();
  log = createLog(settings.logLevel, terminal || undefined);
  await main(settings, unknown, log);
} catch (error) {
  const hide = (text: string) => withoutCredentials(text, uri);
  const explained = explain(error);
  const text = hide(explained ?? reasonOf(error));
  // On a terminal, an explained error appears only once, as the message on stderr.
  if (explained === undefined || !(process.stdout.isTTY && process.stderr.isTTY))
    log.fatal(explained === undefined ? unknownError(error, hide) : {}, text);
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}
