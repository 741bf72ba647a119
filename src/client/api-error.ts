import type { ErrorCode, ErrorResponse } from '../../generated/types.gen.ts';

/** Why a call received no valid reply from the service. */
export type NoReplyCode = 'network_error' | 'timeout' | 'unexpected_reply' | 'not_modified';

/** Thrown or returned when a call fails: an error reply of the service, or no valid reply at all. */
export class ApiError extends Error {
  /** HTTP status; undefined if no reply was received. */
  readonly status: number | undefined;
  /** The service's error code (ErrorCode in the reference), or why there is no valid reply. */
  readonly code: ErrorCode | NoReplyCode;
  /** Identifies the request in the service's log. */
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

/** Whether a body is the service's error envelope. */
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
