import type { ErrorCode, ErrorResponse } from '../../generated/types.gen.ts';

/** Why there is no reply of the service to look at. */
export type NoReplyCode = 'network_error' | 'timeout' | 'unexpected_reply' | 'not_modified';

/** A call that failed: what the service said of it, or why nothing that it says was received. */
export class ApiError extends Error {
  /** HTTP status; undefined where no reply was received. */
  readonly status: number | undefined;
  /** The service's code (see ErrorCode in the reference), or why there is no reply of the service. */
  readonly code: ErrorCode | NoReplyCode;
  /** Names the request in the service's log. */
  readonly requestId: string | undefined;

  constructor(
    message: string,
    about: { status?: number; code: ErrorCode | NoReplyCode; requestId?: string; cause?: unknown },
  ) {
    super(message, { cause: about.cause });
    this.name = 'ApiError';
    this.status = about.status;
    this.code = about.code;
    this.requestId = about.requestId;
  }
}

/** Whether a reply's body is the envelope of the service's errors. */
export function isEnvelope(body: unknown): body is ErrorResponse {
  return (
    typeof body === 'object' &&
    body !== null &&
    'status' in body &&
    body.status === 'error' &&
    'error' in body &&
    typeof body.error === 'string' &&
    'code' in body &&
    typeof body.code === 'string'
  );
}
