import type { MongoClient } from 'mongodb';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { CacheStats } from '../lib/cache-stats.ts';
import { measureDriver } from './driver-metrics.ts';
import { EngineMetrics, type EngineState } from './engine-metrics.ts';

/** A request that has ended: it was answered, or its connection was lost. */
export interface AnsweredRequest {
  /** The operationId; undefined for other requests. Never the path: callers could create any number of values. */
  operation: string | undefined;
  /** The HTTP status; `aborted` if the reply was not sent completely. */
  status: number | 'aborted';
  seconds: number;
  /** The error code that was sent, if any. */
  code: string | undefined;
}

/** Bucket bounds in seconds: from a cached reply to one that timed out. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The Prometheus metrics of this process. No label has values that callers choose. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #caches = new Map<string, () => CacheStats>();
  readonly #inFlight: Gauge;
  readonly #durations: Histogram<'operation' | 'status'>;
  readonly #errors: Counter<'operation' | 'code'>;

  constructor() {
    const registers = [this.#registry];
    // CPU, memory, garbage collection and event loop lag.
    collectDefaultMetrics({ register: this.#registry });
    this.#inFlight = new Gauge({
      name: 'http_requests_in_flight',
      help: 'Requests whose replies are not complete yet.',
      registers,
    });
    this.#durations = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from a request to the last byte of its reply, by operationId (none: no operation) and status.',
      labelNames: ['operation', 'status'],
      buckets: SECONDS,
      registers,
    });
    this.#errors = new Counter({
      name: 'http_errors_total',
      help: 'Error replies, by operationId and error code.',
      labelNames: ['operation', 'code'],
      registers,
    });
    this.#describeCaches();
  }

  /** Registers the cache metrics. Their values are read at each scrape, so that lookups cost nothing extra. */
  #describeCaches(): void {
    const caches = this.#caches;
    const requests = new Counter({
      name: 'cache_requests_total',
      help: 'Cache lookups, by result.',
      labelNames: ['cache', 'result'],
      registers: [],
      collect() {
        this.reset();
        for (const [cache, stats] of caches) {
          const { hits, misses } = stats();
          this.inc({ cache, result: 'hit' }, hits);
          this.inc({ cache, result: 'miss' }, misses);
        }
      },
    });
    const entries = new Gauge({
      name: 'cache_entries',
      help: 'Entries in a cache.',
      labelNames: ['cache'],
      registers: [],
      collect() {
        for (const [cache, stats] of caches) this.set({ cache }, stats().entries);
      },
    });
    const bytes = new Gauge({
      name: 'cache_bytes',
      help: 'Size of a cache in bytes, for caches that measure it.',
      labelNames: ['cache'],
      registers: [],
      collect() {
        for (const [cache, stats] of caches) {
          const known = stats().bytes;
          if (known !== undefined) this.set({ cache }, known);
        }
      },
    });
    for (const metric of [requests, entries, bytes]) this.#registry.registerMetric(metric);
  }

  requestStarted(): void {
    this.#inFlight.inc();
  }

  requestEnded({ operation = 'none', status, seconds, code }: AnsweredRequest): void {
    this.#inFlight.dec();
    this.#durations.observe({ operation, status }, seconds);
    if (code !== undefined) this.#errors.inc({ operation, code });
  }

  /** Registers a cache, whose counts are read at each scrape. */
  watchCache(name: string, stats: () => CacheStats): void {
    this.#caches.set(name, stats);
  }

  /**
   * Measures a driver. Call it before the driver opens its first connection, because open connections are counted from
   * then on.
   */
  watchDriver(client: MongoClient): void {
    measureDriver(client, this.#registry);
  }

  /**
   * Creates the metrics of the engine.
   * @param state - read at each scrape
   */
  observeEngine(state: () => EngineState | undefined): EngineMetrics {
    return new EngineMetrics(this.#registry, state);
  }

  /** Returns all metrics in the text format of Prometheus. */
  async text(): Promise<{ contentType: string; body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }
}
