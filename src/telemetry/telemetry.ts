import { readFile } from 'node:fs/promises';
import type { MongoClient, MongoClientOptions } from 'mongodb';
import type { Logger } from 'pino';
import type { Settings } from '../config/settings.ts';
import { depending } from '../lib/system-errors.ts';
import type { Metrics } from './metrics.ts';
import type { Tracing } from './tracing.ts';

/** The metrics and traces that the settings turn on. */
export interface Telemetry {
  metrics: Metrics | undefined;
  tracing: Tracing | undefined;
  /** Options that the driver needs for traces. */
  driverOptions: MongoClientOptions;
  /** Adds the metrics and traces to a driver. Call it before the driver opens its first connection. */
  watchDriver(client: MongoClient): void;
  end(): Promise<void>;
}

/** OpenTelemetry variables that hold a file path. The SDK would ignore a file that it cannot read. */
const OTEL_FILES = ['OTLP_TRACES', 'OTLP'].flatMap((exporter) =>
  ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY'].map((file) => `OTEL_EXPORTER_${exporter}_${file}`),
);

/** @throws Unusable if one of these variables names a file that cannot be read */
async function checkTraceFiles(): Promise<void> {
  for (const name of OTEL_FILES) {
    const path = process.env[name];
    if (path) await depending(`${name}=${path}`, () => readFile(path));
  }
}

/**
 * Starts the metrics and traces that the settings turn on. Does not load the packages of those that are off, because
 * these packages are larger than the service.
 */
export async function startTelemetry(
  { metricsAddress, traceExport }: Pick<Settings, 'metricsAddress' | 'traceExport'>,
  log: Logger,
): Promise<Telemetry> {
  const metrics = metricsAddress && new (await import('./metrics.ts')).Metrics();
  if (traceExport && traceExport !== 'console') await checkTraceFiles();
  const tracing = traceExport && new (await import('./tracing.ts')).Tracing(traceExport, log);
  return {
    metrics,
    tracing,
    driverOptions: { monitorCommands: tracing !== undefined },
    watchDriver(client) {
      metrics?.watchDriver(client);
      tracing?.watchDriver(client);
    },
    end: async () => tracing?.end(),
  };
}
