import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import { isTrusted, keyOf } from '../security/credentials.ts';
import { errorOf } from '../reply/error-replies.ts';
import { hasPath, MCP_PATH, operationOf } from '../request/routes.ts';

/**
 * Matches the request ids that a client may send (openapi.yaml, RequestId). They contain no characters that could forge
 * log lines.
 */
const USABLE_ID = /^[A-Za-z0-9._:-]{1,128}$/;

function requestIdOf(request: IncomingMessage, response: ServerResponse): string {
  const sent = request.headers['x-request-id'];
  const id = typeof sent === 'string' && USABLE_ID.test(sent) ? sent : randomUUID();
  response.setHeader('x-request-id', id);
  return id;
}

/**
 * Returns the fields of a request's log line. The query is left out, because it may contain personal data. An unknown
 * path is left out too, because a misspelled path may contain the query. Of the API key, only the name is logged.
 */
function lineOf(request: IncomingMessage, response: ServerResponse) {
  const path = request.url?.split('?', 1)[0] ?? '';
  const exists = hasPath(path) || (response.headersSent && response.statusCode < 400);
  const error = errorOf(request);
  return {
    method: request.method,
    ...(exists && { path }),
    operation: operationOf(request.method, path),
    status: response.statusCode,
    code: error?.code,
    // Log the message only for a 503, because messages of other errors may quote the request.
    ...(error?.status === 503 && { reason: error.message }),
    key: keyOf(request)?.name,
    ...(!response.writableFinished && { aborted: true }),
  };
}

/**
 * Assigns each request an id, sends the id as x-request-id, and logs one line when the reply has been sent or the
 * connection is lost.
 */
export function requestLog(log: Logger): RequestHandler {
  const line = (
    request: IncomingMessage,
    response: ServerResponse,
    { durationMs }: { durationMs: number },
  ) => ({
    ...lineOf(request, response),
    durationMs,
  });
  return pinoHttp({
    logger: log,
    genReqId: requestIdOf,
    // Without the two quiet options, pino-http logs the whole request, headers included.
    quietReqLogger: true,
    quietResLogger: true,
    customAttributeKeys: { reqId: 'requestId', responseTime: 'durationMs' },
    customSuccessObject: line,
    customErrorObject: (request, response, _error, values) => line(request, response, values),
    customSuccessMessage: () => 'request',
    customErrorMessage: () => 'request',
    customLogLevel: (request, { statusCode }) => {
      // Requests of the warm-up come from the service itself.
      if (isTrusted(request)) return 'silent';
      // Load balancers poll the health checks every few seconds.
      if (request.url?.startsWith('/health/')) return 'debug';
      // Each operation that an MCP request calls has its own log line.
      if (request.url?.split('?', 1)[0] === MCP_PATH && statusCode < 400) return 'debug';
      // Not an error: database/watch.ts already logs a database failure once as an error.
      if (statusCode === 503) return 'warn';
      return statusCode >= 500 ? 'error' : 'info';
    },
  });
}
