import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type RequestListener, type Server, STATUS_CODES, createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import type { ErrorResponse } from '../../../generated/types.gen.ts';
import { ByteBudget } from '../../lib/byte-budget.ts';
import { ApiError } from '../../lib/errors.ts';
import type { Limits } from '../../config/limits.ts';
import { Connections } from './connections.ts';
import { Pipeline } from './pipeline.ts';
import { API_HEADERS } from '../security/security-headers.ts';

/** How often Node checks connections for timeouts of headers and requests. Node's default is every 30 seconds. */
const CONNECTION_CHECK_MS = 1_000;
/** How often a stopping server checks whether connections are still open. */
const DRAIN_POLL_MS = 20;

function reasonOf(error: NodeJS.ErrnoException, maxHeaderSize: number): ApiError {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new ApiError(
      'headers_too_large',
      `The URL and the headers have more than ${maxHeaderSize} bytes together. Send shorter ones.`,
    );
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ApiError('request_timeout', 'The request took too long to arrive.');
  }
  return new ApiError('malformed_request', 'The request is not valid HTTP.');
}

/** Writes an error reply directly to a socket, because Node could not parse its input as a request. */
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

/** Normalizes the target of a request (RFC 9112, section 3.2): `http://host/path` and `/path#x` both become `/path`. */
function originForm(target: string): string {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/, '');
  return path.startsWith('/') ? path : `/${path}`;
}

/** An HTTP server that can stop without losing a request. */
export interface Listener {
  server: Server;
  /**
   * Stops the server. From now on, each reply closes its connection. To give load balancers time to notice, the
   * server still accepts connections for `delayMs`, or until none is open. Then it waits for the requests in flight.
   * Those that are unfinished `deadlineMs` after the call are cut.
   */
  drain(times: { delayMs: number; deadlineMs: number }): Promise<void>;
}

/** Creates an HTTP server with time limits and a maximum header size. It does not listen yet. */
function boundedServer(limits: Limits, maxHeaderSize: number): Server {
  const { headersTimeoutMs: headersTimeout, requestTimeoutMs: requestTimeout } = limits;
  const server = createServer({
    maxHeaderSize,
    headersTimeout,
    requestTimeout,
    connectionsCheckingInterval: Math.min(CONNECTION_CHECK_MS, headersTimeout),
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // sizes.ts refuses requests without Host, with an ErrorResponse of the spec.
    requireHostHeader: false,
  });
  // By default, Node silently drops all headers after the 2,000th. maxHeaderSize already limits their bytes.
  server.maxHeadersCount = 0;
  server.timeout = limits.idleTimeoutMs;
  return server;
}

async function drainServer(
  server: Server,
  { delayMs, deadlineMs }: { delayMs: number; deadlineMs: number },
  closeIfIdle: () => void,
): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
  const acceptedUntil = performance.now() + delayMs;
  const countConnections = promisify(server.getConnections).bind(server);
  while (performance.now() < acceptedUntil && (await countConnections()) > 0) await pause(DRAIN_POLL_MS);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    // Node does not count a connection without any request as idle, so such a connection would keep the process alive.
    // Wait with setImmediate, so that requests that have already arrived are read first.
    setImmediate(closeIfIdle);
  });
  clearTimeout(cut);
}

/** Creates the HTTP server of an app, with all limits on its connections. It does not listen yet. */
export function createListener(app: RequestListener, log: Logger, limits: Limits): Listener {
  const pipelines = new WeakMap<Duplex, Pipeline>();
  /** Pipelines (one per connection) that are serving a request. */
  const busy = new Set<Pipeline>();
  let draining = false;
  let closing = false;
  // Node refuses larger headers while it reads them. Its limit is above that of sizes.ts, whose error reply is better.
  const maxHeaderSize = limits.maxHeaderBytes + Math.max(limits.maxHeaderBytes, limits.maxUrlBytes);
  const server = boundedServer(limits, maxHeaderSize);
  const connections = new Connections(server, limits);
  const closeIfIdle = () => {
    closing = true;
    if (busy.size === 0) server.closeAllConnections();
  };
  const waitingBytes = new ByteBudget(limits.maxPipelinedBytes);
  server.on('connection', (socket) => pipelines.set(socket, new Pipeline(socket, waitingBytes)));
  const serve: RequestListener = (request, response) => {
    const pipeline = pipelines.get(request.socket);
    const begin = () => {
      connections.serves(request.socket, response);
      if (pipeline) busy.add(pipeline);
      if (draining) pipeline?.last();
      request.url = originForm(request.url ?? '/');
      app(request, response);
    };
    const ended = () => {
      connections.waits(request.socket);
      if (pipeline) busy.delete(pipeline);
      if (closing) closeIfIdle();
    };
    pipeline?.serve(request, response, begin, ended);
  };
  server.on('request', serve);
  // Serve requests with an unknown Expect header, as RFC 9110 allows. Node would reply without an ErrorResponse.
  server.on('checkExpectation', serve);
  // Without this listener, Node sends `100 Continue` before the service has checked the headers.
  server.on('checkContinue', (request, response) => {
    // A client whose request is refused does not send the body. Close the connection then, so that its next request is
    // not parsed as the body.
    const { shouldKeepAlive } = response;
    response.shouldKeepAlive = false;
    request.once('resume', () => {
      if (response.headersSent) return;
      response.shouldKeepAlive = shouldKeepAlive;
      response.writeContinue();
    });
    serve(request, response);
  });
  server.on('connect', (_request, socket) => {
    // Node no longer handles this socket, so an unhandled error would end the process, and a reply in progress would
    // hang.
    socket.on('error', () => socket.destroy());
    if (pipelines.get(socket)?.current) return void socket.destroy();
    answerRaw(
      socket,
      new ApiError('method_not_allowed', 'This service is not a proxy and does not support CONNECT.', {
        headers: { Allow: 'GET, HEAD, POST, PUT, PATCH, DELETE' },
      }),
      log,
    );
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else pipelines.get(socket)?.answer(() => answerRaw(socket, reasonOf(error, maxHeaderSize), log));
  });
  return {
    server,
    drain: async (times) => {
      draining = true;
      for (const pipeline of busy) pipeline.last();
      await drainServer(server, times, closeIfIdle);
    },
  };
}

/** Listens on a port, or on any free one if `port` is 0. Returns the URL of the server. */
export async function listen(server: Server, port: number, host: string): Promise<string> {
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  const actualPort = typeof address === 'object' && address ? address.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`;
}
