import { once } from 'node:events';
import {
  type ClientRequest,
  type IncomingMessage,
  type RequestListener,
  createServer,
  request as ask,
} from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import type { Request as Outer, Response as OuterReply } from 'express';
import type { ErrorResponse } from '../../../generated/types.gen.ts';

/** Headers that a tool's request copies from the MCP request that called the tool. */
const CARRIED = ['authorization', 'x-api-key', 'origin', 'traceparent', 'tracestate'];

/**
 * Large enough for the longest URL that a tool's arguments can produce: percent-encoding triples the largest body. The
 * service, not Node, then refuses a URL that is too long.
 */
const MAX_HEADER_BYTES = 4_194_304;

/** Maximum size in bytes of a tool's reply. Several copies are in memory at once, and no model reads more. */
const MAX_REPLY_BYTES = 2_097_152;

/** In-memory connections whose requests are part of a tool call that the rate limits have already counted. */
const counted = new WeakSet<Duplex>();

/** Whether a request is part of a tool call that the rate limits have already counted. */
export function isCounted({ socket }: IncomingMessage): boolean {
  return counted.has(socket);
}

/** Returns the fetch function for one call of a tool. */
export type Connect = () => typeof fetch;

/** Returns the headers of an inner request as an array in which names and values alternate. */
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

/** Reads a reply's body. Stops and returns undefined if the body has more than `maxBytes`. */
async function readUpTo(maxBytes: number, incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(requestId: string): Response {
  const body: ErrorResponse = {
    status: 'error',
    error: `The result has more than ${MAX_REPLY_BYTES.toLocaleString('en')} bytes. Send a smaller limit, or runs=summary if the tool has that argument.`,
    code: 'invalid_parameter',
    request_id: requestId,
  };
  return Response.json(body, { status: 400 });
}

/**
 * Lets an MCP request (the outer request) call operations of the same app by in-memory requests (inner requests), which
 * pass through all middleware. An inner request has the credentials, the address and the request id of the outer
 * request, and is aborted with it. The rate limits count each tool call as one request, however many inner requests it
 * sends. The outer request already counts for the first tool call.
 * @returns a function that takes the outer request and its reply, and calls `onBytes` with the size of each inner reply
 */
export function inMemory(
  app: RequestListener,
): (outer: Outer, reply: OuterReply, onBytes?: (bytes: number) => void) => Connect {
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, app);
  return (outer, reply, onBytes = () => undefined) => {
    let isFirst = true;
    /**
     * Inner requests that wait for their reply. One `close` listener aborts them all, however many calls a batch has.
     */
    const unanswered = new Set<ClientRequest>();
    reply.once('close', () => {
      for (const sent of unanswered) sent.destroy();
    });
    return () => {
      let isOfCounted = isFirst;
      isFirst = false;
      return async (input, init) => {
        const request = new Request(input, init);
        const [ours, theirs] = duplexPair();
        if (isOfCounted) counted.add(theirs);
        isOfCounted = true;
        // The service uses these two members of a socket, which the streams of duplexPair lack.
        Object.assign(theirs, { remoteAddress: outer.ip, resetAndDestroy: () => theirs.destroy() });
        // If one stream of a duplexPair closes, the other stays open.
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
        // Ignore the event: `once` below, or reading the reply, fails with the same error.
        sent.on('error', () => undefined);
        unanswered.add(sent);
        try {
          sent.end(body);
          const [incoming]: IncomingMessage[] = await once(sent, 'response');
          if (!incoming)
            throw new Error('expected the app to reply to an in-memory request, got no response');
          const bytes = await readUpTo(MAX_REPLY_BYTES, incoming);
          if (!bytes) return tooLarge(String(reply.getHeader('x-request-id')));
          onBytes(bytes.length);
          const headers = Object.entries(incoming.headersDistinct).flatMap(([name, values = []]) =>
            values.map((value): [string, string] => [name, value]),
          );
          return new Response(new Uint8Array(bytes), { status: incoming.statusCode ?? 500, headers });
        } finally {
          unanswered.delete(sent);
        }
      };
    };
  };
}
