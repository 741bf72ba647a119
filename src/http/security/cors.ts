import cors from 'cors';
import type { RequestHandler } from 'express';
import { routes } from '../../../generated/express.gen.ts';

/** How long a browser may remember what it was told, in seconds; Chromium takes no longer. */
const MAX_AGE_SECONDS = 7_200;

/** What a page may send; `x-api-key` and `Authorization` are the credentials, and there are no cookies. */
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

/** What a page may read, besides what browsers always show. */
const REPLY_HEADERS = ['ETag', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'x-request-id'];

/** Lets pages of these origins, and no others, ask this service, by their callers' keys. */
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
    // The library would answer any OPTIONS; one that is no preflight is a method which no path has.
    if (request.method === 'OPTIONS' && (origin === undefined || method === undefined)) return next();
    return answer(request, response, next);
  };
}
