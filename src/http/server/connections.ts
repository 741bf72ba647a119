import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import type { Limits } from '../../config/limits.ts';
import { ApiError } from '../../lib/errors.ts';
import { retrySoon } from '../../lib/retry-after.ts';
import { needsNoKey } from '../request/parameters.ts';
import { keyOf } from '../security/credentials.ts';
import { stalledMs, watchReader } from './readers.ts';

/** Number of connections above the limit that still get an error reply. All further connections are closed at once. */
const REFUSED_WITH_REPLY = 100;

const excess = new WeakSet<Socket>();

/**
 * Limits the number of open connections of a server. At the limit, a new connection takes the place of an older one,
 * which is closed. Connections that wait for a request, or for a client without an API key to read its reply, are
 * closed first, beginning with the longest wait. Next is the connection whose client has stalled longest. If no client
 * has stalled, the new connection gets an error reply (refuseExcess).
 */
export class Connections {
  readonly #max: number;
  readonly #stalledReaderMs: number;
  /** All open connections except those above the limit. */
  readonly #open = new Set<Socket>();
  /**
   * Connections that wait for a request, or for a client without an API key to read its reply. The longest wait is
   * first.
   */
  readonly #waiting = new Set<Socket>();
  /** All other connections, which are serving a request, with the response to that request. */
  readonly #serving = new Map<Socket, ServerResponse>();

  constructor(server: Server, bounds: Pick<Limits, 'maxConnections' | 'stalledReaderMs'>) {
    const { maxConnections, stalledReaderMs } = bounds;
    this.#max = maxConnections;
    this.#stalledReaderMs = stalledReaderMs;
    server.maxConnections = maxConnections + REFUSED_WITH_REPLY;
    server.on('connection', (socket: Socket) => this.#take(socket));
  }

  serves(socket: Socket, response: ServerResponse): void {
    watchReader(response);
    if (!this.#open.has(socket)) return;
    this.#waiting.delete(socket);
    this.#serving.set(socket, response);
    // Let new connections evict this one: otherwise clients without a key could occupy all of them with unread replies.
    response.once('prefinish', () => {
      if (!keyOf(response.req)) this.waits(socket);
    });
  }

  waits(socket: Socket): void {
    if (!this.#serving.delete(socket)) return;
    this.#waiting.add(socket);
  }

  #take(socket: Socket): void {
    if (this.#open.size >= this.#max) {
      const [longest = this.#longestStalled()] = this.#waiting;
      if (!longest) return void excess.add(socket);
      this.#forget(longest);
      longest.destroy();
    }
    this.#open.add(socket);
    this.#waiting.add(socket);
    socket.once('close', () => this.#forget(socket));
  }

  #longestStalled(): Socket | undefined {
    const stalled = [...this.#serving]
      .map(([socket, response]) => ({ socket, ms: stalledMs(response) }))
      .filter(({ ms }) => ms >= this.#stalledReaderMs);
    return stalled.toSorted((one, other) => other.ms - one.ms)[0]?.socket;
  }

  #forget(socket: Socket): void {
    this.#open.delete(socket);
    this.#waiting.delete(socket);
    this.#serving.delete(socket);
  }
}

/**
 * Refuses requests on connections above the limit, and closes those connections. Health checks succeed even there,
 * because the process is healthy.
 */
export function refuseExcess(document: OpenAPIV3.DocumentV3_1): RequestHandler {
  return (request, response, next) => {
    if (!excess.has(request.socket)) return next();
    response.setHeader('Connection', 'close');
    if (needsNoKey(document, request)) return next();
    throw new ApiError(
      'too_busy',
      'The service has too many open connections. Close unused ones and try again shortly.',
      { headers: retrySoon() },
    );
  };
}
