/** Number of seconds over which the retries of callers that were refused at the same time are spread. */
const SPREAD_SECONDS = 3;

/**
 * Returns a value for `Retry-After`: `atLeast` seconds, rounded up, plus a random 0 to 2. Without the random part,
 * callers that were refused at the same time would all retry in the same second.
 * @param random - at least 0 and below 1
 */
export function retryAfterSeconds(atLeast: number, random = Math.random()): number {
  return Math.ceil(atLeast) + Math.floor(random * SPREAD_SECONDS);
}

/** Returns the response header for an error that will probably not recur a few seconds later. */
export function retrySoon(): { 'Retry-After': string } {
  return { 'Retry-After': String(retryAfterSeconds(1)) };
}
