import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import { isTrusted, keyOf } from '../security/credentials.ts';
import { errorOf } from '../reply/error-replies.ts';
import { hasPath, MCP_PATH, operationOf } from '../request/routes.ts';

/** A client's own request id, as the spec allows it (openapi.yaml, RequestId): nothing that could forge a log line. */
const USABLE_ID = /^[A-Za-z0-9._:-]{1,128}$/;

function requestIdOf(request: IncomingMessage, response: ServerResponse): string {
  const sent = request.headers['x-request-id'];
  const id = typeof sent === 'string' && USABLE_ID.test(sent) ? sent : randomUUID();
  response.setHeader('x-request-id', id);
  return id;
}

/**
 * What the log says of a request. Of its target only the path, and that only if there is such a path: a query may hold what
 * is nobody else's business, and a path that is misspelled may hold the query. The key's name, never it.
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
    // What kept the request from being answered. Other messages may quote the request.
    ...(error?.status === 503 && { reason: error.message }),
    key: keyOf(request)?.name,
    ...(!response.writableFinished && { aborted: true }),
  };
}

/** Gives each request its id, sent as x-request-id, and writes one line for it when its reply has gone out or broke off. */
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
    // Without these two, pino-http adds the whole request, headers and all.
    quietReqLogger: true,
    quietResLogger: true,
    customAttributeKeys: { reqId: 'requestId', responseTime: 'durationMs' },
    customSuccessObject: line,
    customErrorObject: (request, response, _error, values) => line(request, response, values),
    customSuccessMessage: () => 'request',
    customErrorMessage: () => 'request',
    customLogLevel: (request, { statusCode }) => {
      // The log is about what users ask.
      if (isTrusted(request)) return 'silent';
      // Balancers ask every other second.
      if (request.url?.startsWith('/health/')) return 'debug';
      // The operations that it calls have lines of their own.
      if (request.url === MCP_PATH && statusCode < 400) return 'debug';
      // The database's failures are told once, by database/watch.ts.
      if (statusCode === 503) return 'warn';
      return statusCode >= 500 ? 'error' : 'info';
    },
  });
}
