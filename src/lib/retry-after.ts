/** Number of seconds over which the retries of callers refused together are spread. */
const SPREAD_SECONDS = 3;

/**
 * Returns a value for `Retry-After` in seconds: the given one, rounded up, plus a random 0 to 2. Without the random
 * part, callers that were refused together would all return in the same second.
 * @param random - at least 0 and below 1
 */
export function retryAfterSeconds(atLeast: number, random = Math.random()): number {
  return Math.ceil(atLeast) + Math.floor(random * SPREAD_SECONDS);
}

/** Returns the header for an error that is likely to go away within seconds. */
export function retrySoon(): { 'Retry-After': string } {
  return { 'Retry-After': String(retryAfterSeconds(1)) };
}
