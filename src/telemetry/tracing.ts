import type { IncomingHttpHeaders } from 'node:http';
import {
  type Attributes,
  DiagLogLevel,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  defaultTextMapGetter,
  diag,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { MongoClient } from 'mongodb';
import type { Logger } from 'pino';
import type { TraceExport } from '../config/settings.ts';
import { traceDriver } from './driver-traces.ts';

/** Time limit of an export. It is short because shutdown waits for the last export; the SDK's default is 10 s. */
const EXPORT = { timeoutMillis: 2_000 };

const EXPORTERS: { [Way in TraceExport]: () => SpanExporter } = {
  'http/json': () => new JsonExporter(EXPORT),
  'http/protobuf': () => new ProtobufExporter(EXPORT),
  console: () => new ConsoleSpanExporter(),
};

/**
 * Records traces with OpenTelemetry. The SDK itself reads the OTEL_ variables that src/config does not. OpenTelemetry's
 * instrumentations are not used, because they record URLs with their queries. They also patch modules as these load,
 * which for ES modules requires a custom loader.
 */
export class Tracing {
  readonly #provider: BasicTracerProvider;
  readonly #contexts = new AsyncLocalStorageContextManager().enable();
  readonly #propagator = new W3CTraceContextPropagator();

  readonly #log: Logger;
  #hasLogged = false;

  constructor(way: TraceExport, log: Logger) {
    this.#log = log;
    const silent = () => {};
    diag.setLogger(
      {
        error: (problem) => this.#logOnce(problem),
        warn: silent,
        info: silent,
        debug: silent,
        verbose: silent,
      },
      { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
    );
    this.#provider = new BasicTracerProvider({
      resource: defaultResource()
        .merge(resourceFromAttributes({ 'service.name': 'recoup-tasks' }))
        .merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [new BatchSpanProcessor(EXPORTERS[way]())],
    });
  }

  /** Logs only the first problem: an unreachable collector would fill the log. */
  #logOnce(problem: string): void {
    if (!this.#hasLogged)
      this.#log.warn(
        { reason: problem.slice(0, 200) },
        'failed to export traces; further failures are not logged',
      );
    this.#hasLogged = true;
  }

  get #tracer() {
    return this.#provider.getTracer('recoup-tasks');
  }

  /**
   * Runs `answer` within a span that continues the caller's trace (W3C traceparent).
   * @returns a function that ends the span
   */
  serve(
    headers: IncomingHttpHeaders,
    { name, attributes }: { name: string; attributes: Attributes },
    answer: () => void,
  ): (end: { attributes: Attributes; failed: boolean }) => void {
    const caller = this.#propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
    const span = this.#tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, caller);
    this.#contexts.with(trace.setSpan(caller, span), answer);
    return ({ attributes: last, failed }) => {
      span.setAttributes(last);
      if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    };
  }

  /** Records a span for each command that a request sends to the database. The driver needs `monitorCommands`. */
  watchDriver(client: MongoClient): void {
    traceDriver(client, (name, attributes): Span | undefined => {
      const active = this.#contexts.active();
      // Background work, such as monitoring the servers, belongs to no trace.
      if (!trace.getSpan(active)) return undefined;
      return this.#tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, active);
    });
  }

  /** Exports the remaining spans. */
  async end(): Promise<void> {
    await this.#provider.shutdown().catch((error: unknown) => this.#logOnce(String(error)));
  }
}
