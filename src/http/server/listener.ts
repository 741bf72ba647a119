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

/** How often Node checks for connections that took too long. Its default is every 30 seconds. */
const CONNECTION_CHECK_MS = 1_000;
/** How often a stopping server checks whether connections are still open. */
const DRAIN_POLL_MS = 20;

function reasonOf(error: NodeJS.ErrnoException, maxHeaderSize: number): ApiError {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new ApiError('headers_too_large', `The headers have more than ${maxHeaderSize} bytes, the limit.`);
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ApiError('request_timeout', 'The request took too long to arrive.');
  }
  return new ApiError('malformed_request', 'The request is not valid HTTP.');
}

/** Answers input that never becomes a request with an error in the usual envelope. */
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

/** Normalizes the target of a request: `http://host/path` and `/path#x` both become `/path`. */
function originForm(target: string): string {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/, '');
  return path.startsWith('/') ? path : `/${path}`;
}

/** A server that can stop without losing a request. */
export interface Listener {
  server: Server;
  /**
   * Stops the server. From now on, each reply closes its connection. Accepts new connections for `delayMs`, so that
   * load balancers notice, or until no connection is open. Requests in flight may finish; after `deadlineMs` they are
   * cut.
   */
  drain(times: { delayMs: number; deadlineMs: number }): Promise<void>;
}

/** Creates the HTTP server of an app, not yet listening, with limits on what a connection may consume. */
function boundedServer(limits: Limits, maxHeaderSize: number): Server {
  const { headersTimeoutMs: headersTimeout, requestTimeoutMs: requestTimeout } = limits;
  const server = createServer({
    maxHeaderSize,
    headersTimeout,
    requestTimeout,
    connectionsCheckingInterval: Math.min(CONNECTION_CHECK_MS, headersTimeout),
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // sizes.ts refuses requests without Host, in the envelope.
    requireHostHeader: false,
  });
  // Node would silently drop headers after the 2,000th. maxHeaderSize already limits their bytes.
  server.maxHeadersCount = 0;
  server.timeout = limits.idleTimeoutMs;
  return server;
}

/** Stops a server; see Listener.drain. */
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
    // Node does not count a connection without a request as idle, so it would keep the process alive. Data that has
    // arrived by now is read first.
    setImmediate(closeIfIdle);
  });
  clearTimeout(cut);
}

/** Creates the listener of an app, not yet listening. */
export function createListener(app: RequestListener, log: Logger, limits: Limits): Listener {
  const pipelines = new WeakMap<Duplex, Pipeline>();
  /** Pipelines that are serving a request. */
  const busy = new Set<Pipeline>();
  let draining = false;
  let closing = false;
  // Above the limit of sizes.ts, which replies in the envelope. Node refuses larger headers while it reads them.
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
  // Node would reply to an unknown expectation outside the envelope. RFC 9110 lets a server ignore it.
  server.on('checkExpectation', serve);
  // Without this listener, Node asks for the body before the service has checked the headers.
  server.on('checkContinue', (request, response) => {
    // A refused client does not send the body. Close the connection, so that its next request is not parsed as the
    // body.
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
    // Node has detached from this socket: an error would end the process, and a reply in progress would hang.
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

/** Starts listening, on any free port if `port` is 0, and returns the URL. */
export async function listen(server: Server, port: number, host: string): Promise<string> {
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  const actualPort = typeof address === 'object' && address ? address.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`;
}
