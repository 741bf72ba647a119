import { ApiError } from '../lib/errors.ts';

export function keyReused(what: 'task' | 'run'): ApiError {
  return new ApiError(
    'idempotency_key_reused',
    `This Idempotency-Key was used with a different body. Use a new key for a new ${what}.`,
  );
}
