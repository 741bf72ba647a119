/** Whole seconds over which callers that fail together are spread. */
const SPREAD_SECONDS = 3;

/**
 * Returns the seconds for `Retry-After`: the given ones, rounded up, plus a random 0 to 2, so that callers refused together
 * do not all return in the same second.
 * @param random - 0 to below 1
 */
export function retryAfterSeconds(atLeast: number, random = Math.random()): number {
  return Math.ceil(atLeast) + Math.floor(random * SPREAD_SECONDS);
}

/** The header for an error that is likely to pass within seconds. */
export function retrySoon(): { 'Retry-After': string } {
  return { 'Retry-After': String(retryAfterSeconds(1)) };
}
