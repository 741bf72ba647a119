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

/** Number of connections above the limit that still get an error reply. Further ones are closed at once. */
const REFUSED_WITH_REPLY = 100;

const excess = new WeakSet<Socket>();

/**
 * Limits the connections of a server. At the limit, a new connection evicts the one that has waited longest for a
 * request, or for a client without a key to read its reply. If there is none, it evicts the one whose client has
 * stalled longest. If none has stalled, a few connections above the limit get one error reply each.
 */
export class Connections {
  readonly #max: number;
  readonly #stalledReaderMs: number;
  /** Open connections, without those above the limit. */
  readonly #open = new Set<Socket>();
  /** Connections that wait for a request, or for a client without a key to read its reply; the longest wait first. */
  readonly #waiting = new Set<Socket>();
  /** The other connections, with the response that is being served. */
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
    // Otherwise clients without a key could occupy every connection with replies that they do not read.
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

/** Refuses requests on connections above the limit. Health checks are answered anyway, because the process is alive. */
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
