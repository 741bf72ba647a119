import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { ApiError } from '../../lib/errors.ts';
import { retrySoon } from '../../lib/retry-after.ts';
import { needsNoKey } from '../request/parameters.ts';

/** Connections above the limit that are told so; what comes beyond them is closed at once. */
const TOLD = 100;

const excess = new WeakSet<Socket>();

/**
 * Bounds the connections of a server. At the limit, the one that has waited longest for a request makes room for the next:
 * who sends headers byte by byte, or keeps a connection for later, holds up nobody. Where all are being served, a few
 * above the limit live for one reply.
 */
export class Connections {
  readonly #max: number;
  /** Without those above the limit. */
  readonly #open = new Set<Socket>();
  /** Those of which no request is being served, the one that has waited for longest first. */
  readonly #waiting = new Set<Socket>();

  constructor(server: Server, max: number) {
    this.#max = max;
    server.maxConnections = max + TOLD;
    server.on('connection', (socket: Socket) => this.#take(socket));
  }

  serves(socket: Socket): void {
    this.#waiting.delete(socket);
  }

  waits(socket: Socket): void {
    if (this.#open.has(socket)) this.#waiting.add(socket);
  }

  #take(socket: Socket): void {
    if (this.#open.size >= this.#max) {
      const [longest] = this.#waiting;
      if (!longest) return void excess.add(socket);
      this.#forget(longest);
      longest.destroy();
    }
    this.#open.add(socket);
    this.#waiting.add(socket);
    socket.once('close', () => this.#forget(socket));
  }

  #forget(socket: Socket): void {
    this.#open.delete(socket);
    this.#waiting.delete(socket);
  }
}

/** Refuses what came on a connection too many. Balancers are answered all the same: the process lives. */
export function refuseExcess(document: OpenAPIV3.DocumentV3_1): RequestHandler {
  return (request, response, next) => {
    if (!excess.has(request.socket)) return next();
    response.setHeader('Connection', 'close');
    if (needsNoKey(document, request)) return next();
    throw new ApiError(
      'too_busy',
      'There are too many connections right now. Close those that are not needed, and try again shortly.',
      { headers: retrySoon() },
    );
  };
}
