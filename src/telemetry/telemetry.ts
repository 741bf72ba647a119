import type { MongoClient } from 'mongodb';
import type { Metrics } from './metrics.ts';

/** What watches the service from within, as far as it is wanted. */
export interface Telemetry {
  metrics: Metrics | undefined;
  /** Watches a driver, from before it opens its first connection. */
  watchDriver(client: MongoClient): void;
}

/** Starts what is wanted, and loads nothing else: most of it is larger than the service. */
export async function startTelemetry(wanted: { metrics: boolean }): Promise<Telemetry> {
  const metrics = wanted.metrics ? new (await import('./metrics.ts')).Metrics() : undefined;
  return {
    metrics,
    watchDriver: (client) => metrics?.watchDriver(client),
  };
}
