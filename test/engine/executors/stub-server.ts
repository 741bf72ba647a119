import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';

export interface Received {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** How the server replies: a status, a body and headers; or what it does with the connection. */
export type StubReply =
  [status: number, body?: unknown, headers?: Record<string, string>] | 'hangs' | 'resets' | 'breaks off';

type Handler = (received: Received) => StubReply;

function send(response: ServerResponse, reply: StubReply): void {
  if (reply === 'hangs') return;
  if (reply === 'resets') {
    response.destroy();
    return;
  }
  if (reply === 'breaks off') {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('half');
    setTimeout(() => response.destroy(), 50);
    return;
  }
  const [status, body = '', headers = {}] = reply;
  response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** A server on a free port of this machine that replies as a test says, and keeps what it receives. */
export async function startStub() {
  const received: Received[] = [];
  let handler: Handler = () => [404];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url: path = '', headers } = request;
    const one = { method, path, headers, body: await text(request) };
    received.push(one);
    send(response, handler(one));
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port }: AddressInfo = Object(server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    /** Replies so from now on. */
    replies: (next: Handler) => {
      received.length = 0;
      handler = next;
    },
    /** Replies so, one after the other, and with the last one again and again. */
    repliesInTurn: (...replies: StubReply[]) => {
      let at = 0;
      received.length = 0;
      handler = () => replies[Math.min(at++, replies.length - 1)] ?? [404];
    },
    async hasReceived(count = 1): Promise<void> {
      while (received.length < count) await pause(5);
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
