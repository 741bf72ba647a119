import type { IncomingMessage } from 'node:http';
import type { ErrorRequestHandler } from 'express';
import type { Logger } from 'pino';
import type { ErrorCode, ErrorResponse } from '../../generated/types.gen.ts';
import { isDatabaseFailure } from '../database/failures.ts';
import { ApiError } from '../errors.ts';
import { emptyArrayOf } from './routes.ts';

const RETRY_AFTER_SECONDS = 1;

/** Express and the validator mark what they refuse as the caller's fault. */
function isRefusal(error: unknown): error is Error {
  return (
    error instanceof Error && 'status' in error && Number(error.status) >= 400 && Number(error.status) < 500
  );
}

/** The error that the caller is told of; what went wrong inside stays in the log. */
function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (isRefusal(error)) {
    return new ApiError('malformed_request', `The request cannot be understood: ${error.message}.`, {
      cause: error,
    });
  }
  if (isDatabaseFailure(error)) {
    return new ApiError(
      'database_unavailable',
      'The database cannot be reached right now, so nothing can be said about tasks and runs. Try again shortly.',
      { cause: error, headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) } },
    );
  }
  return new ApiError(
    'internal_error',
    'The service failed unexpectedly. If it happens again, report it with this request_id.',
    { cause: error },
  );
}

const codes = new WeakMap<IncomingMessage, ErrorCode>();

/** The error that a request was answered with; undefined where there was none, or none yet. */
export function errorCodeOf(request: IncomingMessage): ErrorCode | undefined {
  return codes.get(request);
}

/** Answers every error in the published envelope, and logs those that are not the caller's. */
export function errorReplies(log: Logger): ErrorRequestHandler {
  return (error, request, response, _next) => {
    const { status, code, message, headers } = toApiError(error);
    codes.set(request, code);
    const requestId = String(response.getHeader('x-request-id'));
    if (status >= 500) log.error({ requestId, code, err: error }, 'request failed');
    // Nobody may take the part that was sent for the whole.
    if (response.headersSent) return void response.destroy();
    const body: ErrorResponse = { status: 'error', error: message, code, request_id: requestId };
    response
      .status(status)
      .set(headers)
      .json({ ...body, ...emptyArrayOf(request.path) });
  };
}
