import cors from 'cors';
import type { RequestHandler } from 'express';
import { routes } from '../../../generated/express.gen.ts';

/** How long a browser may cache a preflight reply, in seconds. Chromium caches no reply for longer. */
const MAX_AGE_SECONDS = 7_200;

/** Request headers that a page of another origin may send. API keys travel in headers; the service uses no cookies. */
const REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-None-Match',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'traceparent',
  'tracestate',
  'x-api-key',
  'x-request-id',
];

/** Reply headers that a page of another origin may read, in addition to those that browsers always expose. */
const REPLY_HEADERS = ['ETag', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'x-request-id'];

/** Allows only pages of these origins, besides the service's own, to call the API. Answers their preflight requests. */
export function crossOrigin(origins: string[]): RequestHandler {
  const methods = [...new Set(Object.values(routes).map(({ method }) => method.toUpperCase()))];
  const answer = cors({
    origin: origins,
    methods: ['HEAD', ...methods],
    allowedHeaders: REQUEST_HEADERS,
    exposedHeaders: REPLY_HEADERS,
    maxAge: MAX_AGE_SECONDS,
  });
  return (request, response, next) => {
    const { origin, 'access-control-request-method': method } = request.headers;
    // The library would answer every OPTIONS request, but an OPTIONS request that is not a preflight must get 405.
    if (request.method === 'OPTIONS' && (origin === undefined || method === undefined)) return next();
    return answer(request, response, next);
  };
}
