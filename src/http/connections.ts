import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { ApiError } from '../errors.ts';
import { needsNoKey } from './parameters.ts';

/** Connections above the limit that are told so; what comes beyond them is closed at once. */
const TOLD = 100;

const excess = new WeakSet<Socket>();

/** Bounds the connections of a server: a few above the limit live for one reply, and idle ones make room. */
export function boundConnections(server: Server, maxConnections: number): void {
  let open = 0;
  server.maxConnections = maxConnections + TOLD;
  server.on('connection', (socket: Socket) => {
    open += 1;
    socket.once('close', () => (open -= 1));
    if (open <= maxConnections) return;
    excess.add(socket);
    server.closeIdleConnections();
  });
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
      { headers: { 'Retry-After': '1' } },
    );
  };
}
