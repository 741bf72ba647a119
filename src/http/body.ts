import type { RequestHandler } from 'express';
import { Router, raw } from 'express';
import { ApiError } from '../errors.ts';
import { operationOf, takesBody } from './routes.ts';
import { UnacceptableJson, parseStrictly } from './strict-json.ts';

/** openapi.yaml, 413 of the operations with a body. */
const MAX_BODY_BYTES = 1_048_576;
const MAX_RUNS_BYTES = 8_388_608;

/** JSON is UTF-8 (RFC 8259, section 8.1); a parameter may say so, and nothing else. */
const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

const checkType: RequestHandler = (request, _response, next) => {
  const type = request.headers['content-type'];
  if (type !== undefined && JSON_TYPE.test(type)) return next();
  throw new ApiError(
    'unsupported_media_type',
    `The body is sent ${type === undefined ? 'without a content type' : `as ${type}`}; ` +
      'it must be JSON, sent with Content-Type: application/json.',
  );
};

const parse: RequestHandler = (request, _response, next) => {
  try {
    request.body = parseStrictly(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
  } catch (error) {
    if (!(error instanceof UnacceptableJson)) throw error;
    throw new ApiError('malformed_body', `The body ${error.message}.`, { cause: error });
  }
  next();
};

/** What express' reader of bodies refuses, in our words. */
function explain(error: unknown, maxBytes: number): unknown {
  const type = error instanceof Error && 'type' in error ? error.type : undefined;
  if (type === 'entity.too.large') {
    return new ApiError('body_too_large', `The body is larger than ${maxBytes.toLocaleString('en')} bytes.`, {
      cause: error,
    });
  }
  if (type === 'encoding.unsupported') {
    return new ApiError(
      'unsupported_media_type',
      'The body is compressed in a way that is not known; send it as it is.',
      {
        cause: error,
      },
    );
  }
  if (type === undefined) return error;
  return new ApiError('malformed_body', 'The body did not arrive as its headers announced it.', {
    cause: error,
  });
}

function readerUpTo(maxBytes: number): RequestHandler {
  const reader = Router();
  reader.use(checkType, raw({ type: () => true, limit: maxBytes }), parse);
  return (request, response, next) =>
    reader(request, response, (error?: unknown) => next(error && explain(error, maxBytes)));
}

/** Reads the body of an operation that takes one; that of any other is not looked at. */
export function body(): RequestHandler {
  const reader = readerUpTo(MAX_BODY_BYTES);
  const runsReader = readerUpTo(MAX_RUNS_BYTES);
  return (request, response, next) => {
    const id = operationOf(request.method, request.path);
    if (id === undefined || !takesBody(id)) return next();
    return (id === 'recordRuns' ? runsReader : reader)(request, response, next);
  };
}
