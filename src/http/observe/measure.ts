import type { RequestHandler } from 'express';
import type { Metrics } from '../../telemetry/metrics.ts';
import { isTrusted } from '../security/credentials.ts';
import { errorOf } from '../reply/error-replies.ts';
import { operationOf } from '../request/routes.ts';

/** Counts and times requests, by operation and status. */
export function measure(metrics: Metrics): RequestHandler {
  return (request, response, next) => {
    if (isTrusted(request)) return next();
    const startedAt = performance.now();
    const operation = operationOf(request.method, request.path);
    metrics.requestStarted();
    response.once('close', () => {
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
