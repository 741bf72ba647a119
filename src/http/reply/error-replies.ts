import type { IncomingMessage } from 'node:http';
import type { ErrorRequestHandler } from 'express';
import type { Logger } from 'pino';
import type { ErrorResponse } from '../../../generated/types.gen.ts';
import {
  type FailureKind,
  failureKind,
  isDatabaseFailure,
  isPoolExhausted,
} from '../../database/failures.ts';
import type { DatabaseWatch } from '../../database/watch.ts';
import { ApiError } from '../../lib/errors.ts';
import { retrySoon } from '../../lib/retry-after.ts';
import { emptyArrayOf } from '../request/routes.ts';

const FAILED: Record<FailureKind, string> = {
  unavailable: 'is unavailable',
  slow: 'did not answer in time',
  refused: 'refused the operation',
};

/** Whether Express or the validator gave the error a 4xx status, which marks it as the caller's fault. */
function isRefusal(error: unknown): error is Error {
  return (
    error instanceof Error && 'status' in error && Number(error.status) >= 400 && Number(error.status) < 500
  );
}

/** Converts any error to one that the caller may see. Its `cause`, the original error, is only logged. */
function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (isRefusal(error)) {
    return new ApiError('malformed_request', `The request is malformed: ${error.message}.`, {
      cause: error,
    });
  }
  if (isDatabaseFailure(error)) {
    const failure = isPoolExhausted(error)
      ? 'No database connection became free in time'
      : `The database ${FAILED[failureKind(error)]}`;
    return new ApiError(
      'database_unavailable',
      `${failure}. If this was a write, it may or may not have been applied. Try again shortly.`,
      { cause: error, headers: retrySoon() },
    );
  }
  return new ApiError(
    'internal_error',
    'The service failed unexpectedly. If it happens again, report it with this request_id.',
    { cause: error },
  );
}

const errors = new WeakMap<IncomingMessage, ApiError>();

/** Returns the error that the service replied with; undefined if the request succeeded or is still being served. */
export function errorOf(request: IncomingMessage): ApiError | undefined {
  return errors.get(request);
}

/** Whether a handler failed only because another reply, such as the deadline's 503, had already been sent. */
function isTooLate(error: unknown): boolean {
  const code = typeof error === 'object' && error && 'code' in error ? error.code : undefined;
  return code === 'ERR_HTTP_HEADERS_SENT';
}

/** Sends every error as an ErrorResponse of the spec. Logs errors that are not the caller's fault. */
export function errorReplies({
  log,
  database,
}: {
  log: Logger;
  database: DatabaseWatch;
}): ErrorRequestHandler {
  return (error, request, response, _next) => {
    if (response.writableEnded && isTooLate(error)) return;
    const answer = toApiError(error);
    const { status, code, message, headers } = answer;
    errors.set(request, answer);
    const requestId = String(response.getHeader('x-request-id'));
    if (isDatabaseFailure(error)) database.failed(error, requestId);
    else if (status === 500) log.error({ requestId, code, err: error }, 'request failed');
    if (response.writableEnded) return;
    // If the reply has begun, cut the connection, so that the client does not take a partial reply for a complete one.
    if (response.headersSent) return void response.destroy();
    const body: ErrorResponse = { status: 'error', error: message, code, request_id: requestId };
    response
      .status(status)
      .set(headers)
      .json({ ...body, ...emptyArrayOf(request.path) });
  };
}
