import type { Logger } from 'pino';
import express, { type ErrorRequestHandler, type Express } from 'express';
import type { ListenAddress } from '../../config/settings.ts';
import { ApiError } from '../../lib/errors.ts';
import type { Limits } from '../../config/limits.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { createListener, listen } from '../server/listener.ts';
import { ownMachine } from '../security/own-machine.ts';
import { apiHeaders } from '../security/security-headers.ts';

const explain =
  (log: Logger): ErrorRequestHandler =>
  (error, _request, response, _next) => {
    const known = error instanceof ApiError;
    if (!known) log.error({ err: error }, 'failed to collect the metrics');
    response
      .status(known ? error.status : 500)
      .type('text')
      .send(known ? error.message : 'Failed to collect the metrics.');
  };

function createMetricsApp(metrics: Metrics, reachable: boolean, log: Logger): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(apiHeaders);
  // If other hosts cannot reach the metrics, pages of other sites in a local browser must not reach them either.
  if (!reachable) app.use(ownMachine);
  app.get('/metrics', async (_request, response) => {
    const { contentType, body } = await metrics.text();
    // Express's send() would add its own charset to the Content-Type.
    response.setHeader('Content-Type', contentType);
    response.end(body);
  });
  app.use((_request, response) => {
    response.status(404).type('text').send('Not found. The metrics are at /metrics.\n');
  });
  app.use(explain(log));
  return app;
}

/** Maximum number of connections to the metrics port. Few servers scrape it, and each reply holds about 100 kB. */
const MAX_SCRAPERS = 20;

/**
 * Serves /metrics on its own port, because scrapers have no API key, and API clients must not see the metrics.
 * @returns a function that closes the port
 */
export async function serveMetrics(
  metrics: Metrics,
  { port, host, reachable }: ListenAddress,
  { log, limits }: { log: Logger; limits: Limits },
): Promise<() => Promise<void>> {
  const bounds = { ...limits, maxConnections: MAX_SCRAPERS };
  const { server, drain } = createListener(createMetricsApp(metrics, reachable, log), log, bounds);
  const url = await listen(server, port, host);
  log.info({ metrics: `${url}/metrics` }, 'serving metrics');
  return () => drain({ delayMs: 0, deadlineMs: 0 });
}
