import type { ErrorCode, ErrorResponse } from '../../generated/types.gen.ts';

/** Error codes of the client itself, for calls that got neither data nor an error from the service. */
export type NoReplyCode = 'network_error' | 'timeout' | 'unexpected_reply' | 'not_modified';

/** Thrown or returned when a call fails, because of an error reply of the service or because no valid reply arrived. */
export class ApiError extends Error {
  /** HTTP status of the reply; undefined if no reply was received. */
  readonly status: number | undefined;
  /** The service's error code (ErrorCode in the API reference), or the client's own code if no valid reply arrived. */
  readonly code: ErrorCode | NoReplyCode;
  /** Id of the request in the service's log; undefined unless the service replied with an error. */
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

/** Whether a body has the form of the service's error replies: status "error", an error text and a code. */
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
