import type { RequestHandler } from 'express';
import type { Tracing } from '../../telemetry/tracing.ts';
import { isTrusted } from '../security/credentials.ts';
import { errorOf } from '../reply/error-replies.ts';
import { MCP_PATH, operationOf } from '../request/routes.ts';

/** Records each request as an OpenTelemetry span. Omits query, headers and body, which may be personal. */
export function traceRequests(tracing: Tracing): RequestHandler {
  return (request, response, next) => {
    // A request to MCP_PATH has no span of its own; the operations that it calls have one each.
    if (isTrusted(request) || request.path === MCP_PATH) return next();
    const { method, path } = request;
    const operation = operationOf(method, path);
    const route = operation && { 'http.route': path, 'openapi.operation_id': operation };
    const end = tracing.serve(
      request.headers,
      {
        name: operation ? `${method} ${path}` : method,
        attributes: {
          'http.request.method': method,
          'recoup.request_id': String(response.getHeader('x-request-id')),
          ...route,
        },
      },
      next,
    );
    response.once('close', () => {
      const code = response.writableFinished ? errorOf(request)?.code : 'aborted';
      end({
        attributes: {
          'http.response.status_code': response.statusCode,
          ...(code !== undefined && { 'error.type': code }),
        },
        failed: response.statusCode >= 500 || !response.writableFinished,
      });
    });
  };
}
