import { ApiError } from '../lib/errors.ts';

/** The error for an Idempotency-Key that was used before with a different body. */
export function keyReused(what: 'task' | 'run'): ApiError {
  return new ApiError(
    'idempotency_key_reused',
    `This Idempotency-Key was used with a different body. Use a new key for a new ${what}.`,
  );
}
