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

/** Headers that an inner request copies from the outer one. */
const CARRIED = ['authorization', 'x-api-key', 'origin', 'traceparent', 'tracestate'];

/** Fits the longest URL: percent-encoding triples the largest body. The service then refuses it with its own error. */
const MAX_HEADER_BYTES = 4_194_304;

/** Maximum size of a reply that a fetch returns. Several copies are in memory at once, and no model reads that much. */
const MAX_REPLY_BYTES = 2_097_152;

/** Connections whose requests the rate limits have counted. */
const counted = new WeakSet<Duplex>();

/** Whether the rate limits have counted a request as part of another one. */
export function isCounted({ socket }: IncomingMessage): boolean {
  return counted.has(socket);
}

/** Makes a fetch for one call of a tool. */
export type Connect = () => typeof fetch;

/** Returns the headers of an inner request: names and values alternate. */
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

/** Reads a reply; returns undefined, and stops reading, if it is too large. */
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
 * Lets a request call the operations of the same app in memory. An inner request passes through the same middleware as
 * one from outside. It has the credentials, the address and the request id of the outer request, and is aborted with
 * it. The rate limits count each fetch as one request; the outer request already counts for the first fetch.
 * @returns a function of the outer request, which calls `onBytes` with the size of each reply
 */
export function inMemory(
  app: RequestListener,
): (outer: Outer, reply: OuterReply, onBytes?: (bytes: number) => void) => Connect {
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, app);
  return (outer, reply, onBytes = () => undefined) => {
    let isFirst = true;
    /** Inner requests without a reply. One listener aborts all of them, however many a batch has. */
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
        // The service uses these members of a socket; streams of duplexPair lack them.
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
        // Once the reply has begun, reading it fails with the same error.
        sent.on('error', () => undefined);
        unanswered.add(sent);
        try {
          sent.end(body);
          const [incoming]: IncomingMessage[] = await once(sent, 'response');
          if (!incoming) throw new Error('The in-memory request got no reply.');
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
