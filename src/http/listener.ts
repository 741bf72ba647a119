import { randomUUID } from 'node:crypto';
import { type RequestListener, type Server, STATUS_CODES, createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { ErrorResponse } from '../../generated/types.gen.ts';
import { ApiError } from '../errors.ts';

/** Above the limit that limits.ts refuses politely; what is larger is refused while it is being read. */
const PARSER_MAX_HEADER_BYTES = 131_072;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;

function reasonOf(error: NodeJS.ErrnoException): ApiError {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new ApiError('headers_too_large', `The headers have more than ${PARSER_MAX_HEADER_BYTES} bytes.`);
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ApiError(
      'request_timeout',
      `The request did not arrive within ${REQUEST_TIMEOUT_MS / 1000} seconds.`,
    );
  }
  return new ApiError('malformed_request', 'This is not a valid HTTP request.');
}

/** Answers what node's parser refuses, before there is a request: in the envelope all the same. */
function answerRaw(socket: Duplex, error: NodeJS.ErrnoException, log: Logger): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, code, message } = reasonOf(error);
  const requestId = randomUUID();
  const body: ErrorResponse = { status: 'error', error: message, code, request_id: requestId };
  const text = JSON.stringify(body);
  log.info({ requestId, status, reason: error.code }, 'request');
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(text)}`,
      `x-request-id: ${requestId}`,
      'Connection: close',
      '',
      text,
    ].join('\r\n'),
  );
}

/** The HTTP server of an app, not yet listening, with bounds on what a connection may cost. */
export function createListener(app: RequestListener, log: Logger): Server {
  const server = createServer(
    {
      maxHeaderSize: PARSER_MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // limits.ts refuses it in the envelope.
      requireHostHeader: false,
    },
    app,
  );
  return server.on('clientError', (error, socket) => answerRaw(socket, error, log));
}
