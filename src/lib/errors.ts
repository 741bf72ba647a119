import type { ErrorCode } from '../../generated/types.gen.ts';

/** The HTTP status of each error code that the API publishes (openapi.yaml, ErrorCode). */
const STATUS = {
  invalid_parameter: 400,
  unknown_parameter: 400,
  invalid_cursor: 400,
  malformed_request: 400,
  malformed_body: 400,
  invalid_body: 400,
  invalid_schedule: 400,
  invalid_timezone: 400,
  too_many_tasks: 400,
  missing_credentials: 401,
  invalid_credentials: 401,
  account_forbidden: 403,
  admin_required: 403,
  right_required: 403,
  foreign_origin: 403,
  not_found: 404,
  task_not_found: 404,
  run_not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  request_timeout: 408,
  run_of_another_task: 409,
  run_of_the_engine: 409,
  no_engine: 409,
  not_cancelable: 409,
  body_too_large: 413,
  uri_too_long: 414,
  unsupported_media_type: 415,
  idempotency_key_reused: 422,
  not_supported: 422,
  rate_limited: 429,
  too_many_queued: 429,
  headers_too_large: 431,
  internal_error: 500,
  database_unavailable: 503,
  service_overloaded: 503,
  too_busy: 503,
  not_ready: 503,
} as const satisfies Record<ErrorCode, number>;

/**
 * An error that the API sends to the caller. The message is sent unchanged: it states what is wrong, where, and what
 * would be right. It must not reveal internals.
 */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly status: (typeof STATUS)[ErrorCode];
  /** Response headers of the error, e.g. Allow or Retry-After. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & { headers?: Record<string, string> } = {},
  ) {
    super(message, options);
    this.name = 'ApiError';
    this.code = code;
    this.status = STATUS[code];
    this.headers = options.headers ?? {};
  }
}

/** Maximum length of a field's path in a message, in characters. */
const MAX_PATH = 200;

/** Names a field of a request body in an error message. @param path - e.g. `runs.0.status`; '' for the whole body */
export function fieldAt(path: string): string {
  return path === '' ? 'The value' : `Field "${path.slice(0, MAX_PATH)}"`;
}
