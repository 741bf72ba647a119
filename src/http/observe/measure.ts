import type { RequestHandler } from 'express';
import type { Metrics } from '../../telemetry/metrics.ts';
import { isTrusted } from '../security/credentials.ts';
import { errorOf } from '../reply/error-replies.ts';
import { MCP_PATH, operationOf } from '../request/routes.ts';

/**
 * Counts and times requests by operation and status, except those of the warm-up. A request to MCP_PATH counts only if
 * its reply is an error, because each operation that it calls is counted already.
 */
export function measure(metrics: Metrics): RequestHandler {
  return (request, response, next) => {
    if (isTrusted(request)) return next();
    const startedAt = performance.now();
    const operation = operationOf(request.method, request.path);
    const isMcp = request.path === MCP_PATH;
    if (!isMcp) metrics.requestStarted();
    response.once('close', () => {
      if (isMcp && response.statusCode < 400) return;
      if (isMcp) metrics.requestStarted();
      metrics.requestEnded({
        operation,
        status: response.writableFinished ? response.statusCode : 'aborted',
        seconds: (performance.now() - startedAt) / 1_000,
        code: errorOf(request)?.code,
      });
    });
    next();
  };
}
