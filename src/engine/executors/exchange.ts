import { type IncomingHttpHeaders, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Outcome } from '../port.ts';
import { failed } from './outcomes.ts';
import { Beginning, runError } from './output.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/**
 * Idle time after which TCP keep-alive probes start, which detect a dead peer. A time limit would not do, because a
 * receiver may take an hour to reply.
 */
const TCP_KEEP_ALIVE_MS = 30_000;
/**
 * Maximum number of bytes of a reply that are kept. Larger than the output limit of a run, so that a whole status
 * document or model answer can be parsed before its output is truncated.
 */
const MAX_REPLY_BYTES = 4_194_304;
const MAX_RETRY_AFTER_MS = 86_400_000;
/** Maximum number of bytes of a reply's body that the error message of a run quotes. */
const MAX_SHOWN = 500;

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Beginning;
}

/** Thrown if a request gets no complete reply. */
export class ExchangeFailed extends Error {
  /** Whether the peer may have received the request. */
  readonly delivered: boolean;

  constructor(cause: Error & { code?: string }, delivered: boolean) {
    // The message is empty if all addresses of a host refuse the connection.
    super(cause.message || cause.code, { cause });
    this.name = delivered ? 'ConnectionLost' : 'NotConnected';
    this.delivered = delivered;
  }
}

interface Exchange {
  method: 'GET' | 'POST';
  url: URL;
  headers: Record<string, string>;
  body?: string;
  signal: AbortSignal;
  /** Time limit from the established connection to the end of the reply. If absent, only `signal` limits the time. */
  timeoutMs?: number;
}

/**
 * Sends a request on a new connection and reads the whole reply. Does not follow redirects. Node's fetch is unsuitable:
 * it times out after five minutes, and does not report whether a request was sent.
 * @throws ExchangeFailed if the request gets no complete reply, or `signal` is aborted
 */
export function exchange({ method, url, headers, body, signal, timeoutMs }: Exchange): Promise<Reply> {
  const isSecure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    let isConnected = false;
    let hasResponse = false;
    const request = (isSecure ? requestHttps : requestHttp)(url, { method, headers, agent: false, signal });
    const giveUpAfter = (ms: number, what: string) =>
      setTimeout(() => request.destroy(new Error(`${what} within ${ms / 1_000} s`)), ms);
    let timer: NodeJS.Timeout | undefined = giveUpAfter(CONNECT_TIMEOUT_MS, 'No connection');
    const fail = (error: Error) => reject(new ExchangeFailed(error, isConnected));
    request.on('socket', (socket) => {
      socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
      socket.once(isSecure ? 'secureConnect' : 'connect', () => {
        isConnected = true;
        clearTimeout(timer);
        timer = timeoutMs === undefined ? undefined : giveUpAfter(timeoutMs, 'No complete reply');
      });
    });
    request.on('response', (response) => {
      hasResponse = true;
      const reply = new Beginning(MAX_REPLY_BYTES);
      response.on('data', (chunk: Buffer) => reply.add(chunk));
      response.on('error', fail);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: reply }),
      );
    });
    request.on('error', fail);
    request.on('close', () => {
      clearTimeout(timer);
      // For a reply that switches protocols, Node emits neither a response nor an error.
      if (!hasResponse) fail(new Error('The peer closed the connection without a reply'));
    });
    request.end(body);
  });
}

/**
 * Returns the delay that the `Retry-After` header of a reply requests, in milliseconds, at most a day. Undefined if the
 * header is absent or invalid.
 */
function retryAfterMs({ headers }: Pick<Reply, 'headers'>): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

/** Returns the outcome of an attempt whose request got no complete reply. */
export function outcomeOfFailure({ name, message, delivered }: ExchangeFailed): Outcome {
  if (delivered) return failed(name, message, true);
  return { kind: 'undelivered', error: runError(name, message) };
}

/**
 * Returns the outcome of an attempt whose request got a reply with an unexpected status.
 * @param isUndelivered - whether it is certain that the receiver has not started the work
 */
export function outcomeOfRefusal(reply: Reply, isUndelivered: boolean): Outcome {
  const { status, body } = reply;
  const shown = body.bytes.subarray(0, MAX_SHOWN).toString().trim();
  const problem =
    status >= 300 && status < 400
      ? `${status}, a redirect that the service does not follow`
      : `${status}${shown && `: ${shown}`}`;
  const message = `The reply was ${problem}`;
  if (!isUndelivered) return failed(`Http${status}`, message, status >= 500);
  const waitMs = retryAfterMs(reply);
  const error = runError(`Http${status}`, message);
  return { kind: 'undelivered', error, ...(waitMs !== undefined && { retryAfterMs: waitMs }) };
}
