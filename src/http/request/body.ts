import type { RequestHandler } from 'express';
import { Router, raw } from 'express';
import { ApiError } from '../../lib/errors.ts';
import type { Limits } from '../../config/limits.ts';
import { UnacceptableNumber } from '../../lib/exact-numbers.ts';
import { operationOf, takesBody } from './routes.ts';
import { UnacceptableJson, parseStrictly } from '../../lib/strict-json.ts';

type Sizes = Pick<Limits, 'maxBodyBytes' | 'maxRunsBodyBytes' | 'maxJsonDepth'>;

/** Matches the accepted Content-Types. JSON is UTF-8 (RFC 8259, section 8.1), so only that charset may be named. */
const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

const checkType: RequestHandler = (request, _response, next) => {
  const type = request.headers['content-type'];
  if (type !== undefined && JSON_TYPE.test(type)) return next();
  throw new ApiError(
    'unsupported_media_type',
    `The Content-Type header is ${type === undefined ? 'missing' : `"${type}"`}. ` +
      'Send JSON with Content-Type: application/json.',
  );
};

const tooLarge = (maxBytes: number, cause?: unknown): ApiError =>
  new ApiError('body_too_large', `The body is larger than ${maxBytes.toLocaleString('en')} bytes.`, {
    cause,
  });

/** Refuses a body by its Content-Length. Express would read the whole body before refusing it. */
const checkLength =
  (maxBytes: number): RequestHandler =>
  (request, _response, next) =>
    next(Number(request.headers['content-length']) > maxBytes ? tooLarge(maxBytes) : undefined);

const parseUpTo =
  (maxDepth: number): RequestHandler =>
  (request, _response, next) => {
    try {
      request.body = parseStrictly(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0), maxDepth);
    } catch (error) {
      if (error instanceof UnacceptableNumber)
        throw new ApiError('invalid_body', error.message, { cause: error });
      if (!(error instanceof UnacceptableJson)) throw error;
      throw new ApiError('malformed_body', `The body ${error.message}.`, { cause: error });
    }
    next();
  };

/** Converts an error of Express's body reader to an ApiError. Returns all other errors unchanged. */
function explain(error: unknown, maxBytes: number): unknown {
  const type = error instanceof Error && 'type' in error ? error.type : undefined;
  if (type === 'entity.too.large') return tooLarge(maxBytes, error);
  if (type === 'encoding.unsupported') {
    return new ApiError(
      'unsupported_media_type',
      'This Content-Encoding is not supported. Use gzip, deflate or br, or send the body uncompressed.',
      {
        cause: error,
      },
    );
  }
  if (type === undefined) return error;
  return new ApiError(
    'malformed_body',
    'The body does not match its Content-Length or Content-Encoding header.',
    {
      cause: error,
    },
  );
}

/**
 * Returns a middleware that reads a JSON body into `request.body`.
 * @param maxBytes - size limit of the body after decompression
 * @param maxDepth - limit of nested arrays and objects
 */
export function readerUpTo(maxBytes: number, maxDepth: number): RequestHandler {
  const reader = Router();
  reader.use(
    checkType,
    checkLength(maxBytes),
    raw({ type: () => true, limit: maxBytes }),
    parseUpTo(maxDepth),
  );
  return (request, response, next) =>
    reader(request, response, (error?: unknown) => next(error && explain(error, maxBytes)));
}

/** Reads and parses the body of each operation that has one in the spec. Ignores the body of other operations. */
export function body({ maxBodyBytes, maxRunsBodyBytes, maxJsonDepth }: Sizes): RequestHandler {
  const reader = readerUpTo(maxBodyBytes, maxJsonDepth);
  const runsReader = readerUpTo(maxRunsBodyBytes, maxJsonDepth);
  return (request, response, next) => {
    const id = operationOf(request.method, request.path);
    if (id === undefined || !takesBody(id)) return next();
    return (id === 'recordRuns' ? runsReader : reader)(request, response, next);
  };
}
