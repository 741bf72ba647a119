import {
  type Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as startRequest,
} from 'node:http';
import { gunzipSync } from 'node:zlib';

/** Time limit of a request while no fault is active. */
export const LIMIT_MS = 5_000;

/** An instance of the service, as the clients reach it. */
export interface Endpoint {
  name: string;
  agent: Agent;
  url: string;
  /** The fault targets that can affect replies of the instance: the instance itself and the database. */
  targets: readonly string[];
}

export interface RequestOptions {
  method: string;
  /** Path with the query. */
  path: string;
  headers?: Record<string, string>;
  body?: string;
  /** Time after which the client disconnects without waiting for the reply. */
  leaveAfterMs?: number;
  /** Delay between two chunks of the reply, for a client that reads slowly on purpose. */
  pauseMs?: number;
}

/** How a request ended. `from` and `to` are the times of performance.now() at which it started and ended. */
export type Exchange = { from: number; to: number } & (
  | { outcome: 'replied'; status: number; headers: IncomingHttpHeaders; text: string }
  /** No connection was made, so the service did not receive the request. */
  | { outcome: 'refused' }
  /**
   * The connection was lost before the whole reply arrived. If `reused` is true, the server may have closed it as
   * idle.
   */
  | { outcome: 'cut'; reused: boolean }
  /** The client disconnected on purpose. */
  | { outcome: 'left' }
  /** The time limit passed without a reply. */
  | { outcome: 'hung' }
);

async function read(response: IncomingMessage, pauseMs: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    chunks.push(chunk);
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  const bytes = Buffer.concat(chunks);
  const whole = response.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
  return new TextDecoder('utf-8', { fatal: true }).decode(whole);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/**
 * Sends a request and waits until it succeeds, fails or times out.
 * @param onLimit - schedules a callback for when the request has taken too long; returns a function that cancels it
 */
export async function exchange(
  { agent, url }: Endpoint,
  asked: RequestOptions,
  onLimit: (call: () => void) => () => void,
): Promise<Exchange> {
  const { method, path, headers = {}, body, leaveAfterMs, pauseMs = 0 } = asked;
  const from = performance.now();
  let gaveUp: 'left' | 'hung' | undefined;
  let leaving: NodeJS.Timeout | undefined;
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  const request = startRequest(`${url}${path}`, { agent, method, headers: { ...length, ...headers } });
  const giveUp = (why: 'left' | 'hung') => {
    gaveUp = why;
    request.destroy(new Error(why));
  };
  const forget = onLimit(() => giveUp('hung'));
  if (leaveAfterMs !== undefined) leaving = setTimeout(() => giveUp('left'), leaveAfterMs);
  try {
    const { status, text, replyHeaders } = await new Promise<{
      status: number;
      text: string;
      replyHeaders: IncomingHttpHeaders;
    }>((resolve, reject) => {
      request.on('error', reject);
      request.on('response', (response) => {
        read(response, pauseMs).then(
          (whole) =>
            resolve({ status: response.statusCode ?? 0, text: whole, replyHeaders: response.headers }),
          reject,
        );
      });
      request.end(body);
    });
    return { from, to: performance.now(), outcome: 'replied', status, headers: replyHeaders, text };
  } catch (error) {
    const at = { from, to: performance.now() };
    if (gaveUp !== undefined) return { ...at, outcome: gaveUp };
    if (codeOf(error) === 'ECONNREFUSED') return { ...at, outcome: 'refused' };
    return { ...at, outcome: 'cut', reused: request.reusedSocket };
  } finally {
    forget();
    clearTimeout(leaving);
  }
}
