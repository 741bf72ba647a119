import type { RequestHandler } from 'express';
import { ApiError } from '../errors.ts';

/** openapi.yaml, listTasks 414. */
const MAX_URL_BYTES = 8_192;

/** openapi.yaml, listTasks 431; node's own limit in listener.ts is above it, and answers without knowing the path. */
const MAX_HEADER_BYTES = 65_536;

/** Refuses what HTTP allows and this service does not: long URLs, large headers, HTTP/1.1 without Host, two Hosts. */
export const limits: RequestHandler = (request, _response, next) => {
  const urlBytes = Buffer.byteLength(request.originalUrl);
  if (urlBytes > MAX_URL_BYTES) {
    throw new ApiError(
      'uri_too_long',
      `The URL has ${urlBytes} bytes; at most ${MAX_URL_BYTES} are allowed.`,
    );
  }
  const headerBytes = request.rawHeaders.reduce((sum, text) => sum + text.length, 0);
  if (headerBytes > MAX_HEADER_BYTES) {
    throw new ApiError(
      'headers_too_large',
      `The headers have ${headerBytes} bytes; at most ${MAX_HEADER_BYTES} are allowed.`,
    );
  }
  if (request.httpVersion === '1.1' && request.headers.host === undefined) {
    throw new ApiError('malformed_request', 'The request has no Host header, which HTTP/1.1 demands.');
  }
  const hosts = request.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host');
  if (hosts.length > 1) {
    // RFC 9112, section 3.2: node would take the first, and a proxy before it perhaps another.
    throw new ApiError('malformed_request', 'The request has more than one Host header.');
  }
  next();
};
