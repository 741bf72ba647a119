import { ApiError } from './api-error.ts';

export interface RetryPolicy {
  /**
   * Time limit of one attempt in milliseconds, from sending the request to the last byte of the reply. 0 means no
   * limit. Default: 60,000.
   */
  timeoutMs: number;
  /** Maximum number of attempts after the first. Default: 2. */
  retries: number;
}

const FIRST_DELAY_MS = 250;
/** Maximum backoff without Retry-After, and maximum random delay in addition to Retry-After. */
const LONGEST_OWN_DELAY_MS = 5_000;
/** Longest Retry-After that the client waits for: a rate limit's window of one minute, plus a random delay. */
const LONGEST_DELAY_MS = 65_000;

/** Maximum status that the Response constructor accepts; replies that fetch returns can have any status. */
const LAST_STATUS = 599;

/** Methods that are safe to retry (RFC 9110, 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

function mayRepeat(request: Request): boolean {
  return IDEMPOTENT.has(request.method) || request.headers.has('Idempotency-Key');
}

/**
 * Returns the milliseconds to wait before the next attempt; undefined if Retry-After is too long to wait. The wait is
 * never shorter than Retry-After. A random delay of up to 5 seconds keeps clients that failed at the same time from
 * retrying at the same time.
 * @param attempt - the number of attempts so far, at least 1
 * @param retryAfter - the reply's Retry-After: seconds or an HTTP date (RFC 9110, 10.2.3)
 * @param random - 0 to 1
 */
export function delayBeforeRetry(
  attempt: number,
  retryAfter: string | null,
  now: Date,
  random: number,
): number | undefined {
  const backoff = Math.min(LONGEST_OWN_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  const own = backoff * (0.5 + random / 2);
  if (retryAfter === null) return own;
  const asked = /^\d+$/.test(retryAfter)
    ? Number(retryAfter) * 1_000
    : Date.parse(retryAfter) - now.getTime();
  // Ignore a malformed Retry-After. Date.parse accepts texts that are not HTTP dates, such as 1.5.
  if (Number.isNaN(asked) || !/^\d+$|GMT$/.test(retryAfter)) return own;
  if (asked > LONGEST_DELAY_MS) return undefined;
  const spread = Math.max(backoff, Math.min(LONGEST_OWN_DELAY_MS, asked));
  return Math.max(0, asked) + random * spread;
}

/** Resolves after a delay; rejects with the abort reason if the caller aborts the call first. */
function wait(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    }, delayMs);
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
  });
}

/** Reads the whole body of a reply, so that a connection lost in the middle makes the attempt fail. */
async function readToEnd(response: Response): Promise<Response> {
  // In a browser, a redirect that was not followed has no status, headers or body.
  if (response.type === 'opaqueredirect') return response;
  const body = await response.arrayBuffer();
  const { status, statusText, headers, url } = response;
  if (status > LAST_STATUS) {
    const message = `Unexpected reply: ${status} is not an HTTP status (100 to ${LAST_STATUS}).`;
    throw new ApiError(message, { status, code: 'unexpected_reply' });
  }
  // For some statuses, such as 204, the Response constructor rejects any body, even an empty one.
  const read = new Response(body.byteLength === 0 ? null : body, { status, statusText, headers });
  return Object.defineProperty(read, 'url', { value: url });
}

/**
 * Makes one attempt. Returns the complete reply, or an ApiError for a network error or timeout, which a retry may fix.
 *
 * Do not use AbortSignal.any or the signal of a copied Request here: the garbage collector may drop them, and the call
 * could then neither time out nor be aborted.
 * @throws the caller's abort reason, or an ApiError if the reply has an impossible status
 */
async function tryOnce(
  send: typeof fetch,
  request: Request,
  timeoutMs: number,
): Promise<Response | ApiError> {
  const own = new AbortController();
  const giveUp = () => own.abort(request.signal.reason);
  let timedOut = false;
  const expire = () => {
    timedOut = true;
    own.abort();
  };
  const timer = timeoutMs > 0 ? setTimeout(expire, timeoutMs) : undefined;
  request.signal.addEventListener('abort', giveUp);
  if (request.signal.aborted) giveUp();
  try {
    return await readToEnd(await send(request.clone(), { signal: own.signal }));
  } catch (cause) {
    if (request.signal.aborted) throw request.signal.reason;
    if (cause instanceof ApiError) throw cause;
    const { origin } = new URL(request.url);
    return timedOut
      ? new ApiError(`${origin} did not reply within ${timeoutMs} ms.`, { code: 'timeout', cause })
      : new ApiError(`${origin} cannot be reached, or the connection was lost.`, {
          code: 'network_error',
          cause,
        });
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener('abort', giveUp);
  }
}

/**
 * Wraps fetch with retries and a timeout of each attempt. After 429, 503, a network error or a timeout, retries
 * requests that are idempotent or have an Idempotency-Key. Waits for at least Retry-After, or else backs off
 * exponentially.
 * @throws the caller's abort reason, or an ApiError if the last attempt got no valid reply
 */
export function retryingFetch(send: typeof fetch, { timeoutMs, retries }: RetryPolicy): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    for (let count = 1; ; count++) {
      const outcome = await tryOnce(send, request, timeoutMs);
      const failed = outcome instanceof ApiError;
      const repeat = mayRepeat(request) && count <= retries;
      const worthIt = failed || outcome.status === 429 || outcome.status === 503;
      const retryAfter = failed ? null : outcome.headers.get('Retry-After');
      const delayMs =
        repeat && worthIt ? delayBeforeRetry(count, retryAfter, new Date(), Math.random()) : undefined;
      if (delayMs !== undefined) await wait(delayMs, request.signal);
      else if (failed) throw outcome;
      else return outcome;
    }
  };
}
