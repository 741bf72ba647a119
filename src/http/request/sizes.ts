import type { RequestHandler } from 'express';
import { ApiError } from '../../lib/errors.ts';
import type { Limits } from '../../config/limits.ts';

type Sizes = Pick<Limits, 'maxUrlBytes' | 'maxHeaderBytes'>;

/**
 * Refuses requests with a long URL or large headers, HTTP/1.1 requests without Host, and requests with two Hosts. The
 * header limit of Node's parser (listener.ts) is higher, because Node refuses a request before its path is known, and
 * the error reply depends on the path.
 */
export function sizes({ maxUrlBytes, maxHeaderBytes }: Sizes): RequestHandler {
  return (request, _response, next) => {
    const urlBytes = Buffer.byteLength(request.originalUrl);
    if (urlBytes > maxUrlBytes) {
      throw new ApiError(
        'uri_too_long',
        `The URL has ${urlBytes} bytes; at most ${maxUrlBytes} are allowed.`,
      );
    }
    const headerBytes = request.rawHeaders.reduce((sum, text) => sum + text.length, 0);
    if (headerBytes > maxHeaderBytes) {
      throw new ApiError(
        'headers_too_large',
        `The headers have ${headerBytes} bytes; at most ${maxHeaderBytes} are allowed.`,
      );
    }
    if (request.httpVersion === '1.1' && request.headers.host === undefined) {
      throw new ApiError('malformed_request', 'The Host header is missing. HTTP/1.1 requires it.');
    }
    const hosts = request.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host');
    if (hosts.length > 1) {
      // RFC 9112, section 3.2, requires 400. Node would use the first Host, and a proxy in front of it perhaps another.
      throw new ApiError('malformed_request', 'The request has more than one Host header; send one.');
    }
    next();
  };
}
