import { once } from 'node:events';
import { type IncomingMessage, type RequestListener, createServer, request as ask } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Request as Outer, Response as OuterReply } from 'express';

/** Headers that an inner request has from the outer one. */
const CARRIED = ['authorization', 'x-api-key', 'origin', 'traceparent', 'tracestate'];

/** The service itself refuses long URLs, with its own error; percent-encoding triples the largest body. */
const MAX_HEADER_BYTES = 4_194_304;

/** Connections whose requests the rate limits have counted. */
const counted = new WeakSet<Duplex>();

/** Whether the rate limits have counted a request as part of another one. */
export function isCounted({ socket }: IncomingMessage): boolean {
  return counted.has(socket);
}

/** Makes a fetch for one call of a tool. */
export type Connect = () => typeof fetch;

/** The headers of an inner request: names and values in turn. */
function innerHeaders(request: Request, body: Buffer, outer: Outer, reply: OuterReply): string[] {
  const own = [...request.headers].filter(([name]) => !CARRIED.includes(name));
  const carried = CARRIED.flatMap((name) =>
    (outer.headersDistinct[name] ?? []).map((value) => [name, value]),
  );
  return [
    ...own,
    ...carried,
    ['host', outer.headers.host ?? 'localhost'],
    ['x-request-id', String(reply.getHeader('x-request-id'))],
    ['content-length', String(body.length)],
    ['connection', 'close'],
  ].flat();
}

/**
 * Connects outer requests to their own app through memory. An inner request passes everything that a request from outside
 * passes. It has the credentials, the address and the request id of the outer request, and is aborted with it. The rate
 * limits count one request for each fetch; the first fetch of an outer request is counted with that.
 */
export function inMemory(app: RequestListener): (outer: Outer, reply: OuterReply) => Connect {
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, app);
  return (outer, reply) => {
    let isFirst = true;
    return () => {
      let isOfCounted = isFirst;
      isFirst = false;
      return async (input, init) => {
        const request = new Request(input, init);
        const [ours, theirs] = duplexPair();
        if (isOfCounted) counted.add(theirs);
        isOfCounted = true;
        // Used by the service; duplexPair makes no sockets.
        Object.assign(theirs, { remoteAddress: outer.ip, resetAndDestroy: () => theirs.destroy() });
        // The end of one side does not close the other.
        ours.once('close', () => theirs.destroy());
        server.emit('connection', theirs);
        const { pathname, search } = new URL(request.url);
        const body = Buffer.from(await request.arrayBuffer());
        const sent = ask({
          method: request.method,
          path: `${pathname}${search}`,
          headers: innerHeaders(request, body, outer, reply),
          createConnection: () => ours,
          ...(init?.signal && { signal: init.signal }),
        });
        // After the reply has begun, its reader sees the error.
        sent.on('error', () => undefined);
        const abort = () => void sent.destroy();
        reply.once('close', abort);
        try {
          sent.end(body);
          const [incoming]: IncomingMessage[] = await once(sent, 'response');
          if (!incoming) throw new Error('The in-memory request got no reply.');
          const bytes = await buffer(incoming);
          const headers = Object.entries(incoming.headersDistinct).flatMap(([name, values = []]) =>
            values.map((value): [string, string] => [name, value]),
          );
          return new Response(new Uint8Array(bytes), { status: incoming.statusCode ?? 500, headers });
        } finally {
          reply.off('close', abort);
        }
      };
    };
  };
}
