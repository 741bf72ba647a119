import type { EventLoopUtilization } from 'node:perf_hooks';
import { DatabaseTooSlow } from '../../database/failures.ts';
import { ApiError } from '../../lib/errors.ts';
import { wasBusySince } from '../../lib/event-loop.ts';
import { retrySoon } from '../../lib/retry-after.ts';

export function overloaded(limitMs: number): ApiError {
  return new ApiError(
    'service_overloaded',
    `The service is overloaded: its own work took longer than ${limitMs} ms. A write may or may not have been applied. ` +
      'Try again shortly.',
    { headers: retrySoon() },
  );
}

/**
 * Returns the error for an exceeded time limit. The error blames what took most of the time since `begin`: this process
 * or the database.
 */
export function tooLate(limitMs: number, begin: EventLoopUtilization): Error {
  return wasBusySince(begin) ? overloaded(limitMs) : new DatabaseTooSlow(limitMs);
}
