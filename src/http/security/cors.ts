import cors from 'cors';
import type { RequestHandler } from 'express';
import { routes } from '../../../generated/express.gen.ts';

/** How long a browser may cache a preflight reply, in seconds. Chromium's maximum. */
const MAX_AGE_SECONDS = 7_200;

/** Headers that a page may send. Credentials are `x-api-key` and `Authorization`; there are no cookies. */
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

/** Headers that a page may read, in addition to those that browsers always expose. */
const REPLY_HEADERS = ['ETag', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'x-request-id'];

/** Allows pages of these origins, and no others, to call the API with a key. */
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
    // The library would answer every OPTIONS request. One that is not a preflight must get 405.
    if (request.method === 'OPTIONS' && (origin === undefined || method === undefined)) return next();
    return answer(request, response, next);
  };
}
