import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type RequestListener, type Server, STATUS_CODES, createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { ErrorResponse } from '../../generated/types.gen.ts';
import { ApiError } from '../errors.ts';
import { API_HEADERS } from './security-headers.ts';

/** Above the limit that limits.ts refuses politely; what is larger is refused while it is being read. */
const PARSER_MAX_HEADER_BYTES = 131_072;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** How long a connection may neither send nor take a byte: a reader that stands still holds a batch and a cursor. */
const IDLE_TIMEOUT_MS = 60_000;

function reasonOf(error: NodeJS.ErrnoException): ApiError {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new ApiError('headers_too_large', `The headers have more than ${PARSER_MAX_HEADER_BYTES} bytes.`);
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ApiError('request_timeout', 'The request did not arrive in time.');
  }
  return new ApiError('malformed_request', 'This is not a valid HTTP request.');
}

/** Answers what never becomes a request, in the envelope all the same. */
function answerRaw(socket: Duplex, { status, code, message, headers }: ApiError, log: Logger): void {
  const requestId = randomUUID();
  const body: ErrorResponse = { status: 'error', error: message, code, request_id: requestId };
  const text = JSON.stringify(body);
  log.info({ requestId, status, code }, 'request');
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(text)}`,
      `x-request-id: ${requestId}`,
      ...[...API_HEADERS, ...Object.entries(headers)].map(([name, value]) => `${name}: ${value}`),
      'Connection: close',
      '',
      text,
    ].join('\r\n'),
  );
}

/** A request's target as the rest of the service expects it: `http://host/path` and `/path#x` both name `/path`. */
function originForm(target: string): string {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/, '');
  return path.startsWith('/') ? path : `/${path}`;
}

/** A listening service that can end without losing a request. */
export interface Listener {
  server: Server;
  /** Takes no new connections, lets requests in flight finish, and cuts those that take longer than this. */
  drain(deadlineMs: number): Promise<void>;
}

/** The HTTP server of an app, not yet listening, with bounds on what a connection may cost. */
export function createListener(app: RequestListener, log: Logger): Listener {
  let inFlight = 0;
  let draining = false;
  const server = createServer({
    maxHeaderSize: PARSER_MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // limits.ts refuses it in the envelope.
    requireHostHeader: false,
  });
  // Node would silently drop headers after the 2,000th; their bytes are bounded already.
  server.maxHeadersCount = 0;
  server.timeout = IDLE_TIMEOUT_MS;
  const endWhenIdle = () => {
    if (draining && inFlight === 0) server.closeAllConnections();
  };
  const serve: RequestListener = (request, response) => {
    inFlight += 1;
    response.once('close', () => {
      inFlight -= 1;
      endWhenIdle();
    });
    if (draining) response.setHeader('Connection', 'close');
    request.url = originForm(request.url ?? '/');
    app(request, response);
  };
  server.on('request', serve);
  // Node would answer an unknown expectation by itself, outside the envelope; RFC 9110 lets a server ignore it.
  server.on('checkExpectation', serve);
  server.on('connect', (_request, socket) => {
    answerRaw(
      socket,
      new ApiError('method_not_allowed', 'This service is no proxy.', {
        headers: { Allow: 'GET, HEAD, POST, PUT, PATCH, DELETE' },
      }),
      log,
    );
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else answerRaw(socket, reasonOf(error), log);
  });
  return {
    server,
    drain: (deadlineMs) =>
      new Promise((resolve) => {
        draining = true;
        const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        // A connection on which nothing was asked does not count as idle to node, and would hold the process.
        endWhenIdle();
      }),
  };
}

/** Listens, on any free port where it is 0, and returns the URL. */
export async function listen(server: Server, port: number, host: string): Promise<string> {
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  const actualPort = typeof address === 'object' && address ? address.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`;
}
