import { chmod } from 'node:fs/promises';
import { type Server, type Socket, createServer } from 'node:net';
import { encodeDocument } from './bson-writer.ts';
import { systemCode } from '../lib/system-errors.ts';
import { CommandError } from './errors.ts';
import type { EngineLog } from './janitor.ts';
import {
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  type Message,
  ProtocolError,
  readMessage,
  writeReply,
} from './wire.ts';

/** Maximum number of client connections. One mongodb driver opens up to 100. */
const MAX_CONNECTIONS = 1000;

/** Runs one command and returns its reply document, which also reports errors. Must not throw. */
export type Handler = (message: Message) => Promise<Buffer>;

/** Listens on a Unix socket and passes each client's commands to a handler. */
export class SocketServer {
  readonly #server: Server;
  readonly #clients = new Map<Socket, Promise<void>>();
  readonly #log: EngineLog;
  #handler: Handler | undefined;

  private constructor(log: EngineLog) {
    this.#log = log;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Listens on a socket that no other user can connect to. Disconnects every client until serve() is called. */
  static async listen(path: string, log: EngineLog): Promise<SocketServer> {
    const server = new SocketServer(log);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(path, resolve);
    });
    await chmod(path, 0o600);
    return server;
  }

  serve(handler: Handler): void {
    this.#handler = handler;
  }

  /** Refuses new clients, closes all connections and waits for running commands. The socket still listens. */
  async disconnect(): Promise<void> {
    this.#handler = undefined;
    const running = [...this.#clients.values()];
    for (const socket of this.#clients.keys()) socket.destroySoon();
    await Promise.all(running);
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #accept(socket: Socket): void {
    const handler = this.#handler;
    if (!handler) {
      socket.destroy();
      return;
    }
    socket.on('error', () => socket.destroy());
    this.#clients.set(socket, this.#run(socket, handler));
  }

  async #run(socket: Socket, handler: Handler): Promise<void> {
    try {
      await serveConnection(socket, handler);
    } catch (error) {
      if (isProblem(error))
        this.#log.warn(
          { err: error },
          'closed a connection to the embedded database after an error; the client can connect again',
        );
    } finally {
      socket.destroy();
      this.#clients.delete(socket);
    }
  }
}

/** Returns false for errors that only mean that the client has disconnected. */
function isProblem(error: unknown): boolean {
  return !['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR'].includes(systemCode(error));
}

/** Runs a client's commands one by one. Stops reading meanwhile, to hold only one message and one reply in memory. */
async function serveConnection(socket: Socket, handle: Handler): Promise<void> {
  const chunks: Buffer[] = [];
  let received = 0;
  let wanted = HEADER_BYTES;
  for await (const chunk of socket) {
    if (!Buffer.isBuffer(chunk)) throw new ProtocolError(`expected a Buffer, got ${typeof chunk}`);
    chunks.push(chunk);
    received += chunk.length;
    while (received >= wanted) {
      const bytes = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
      const length = messageLength(bytes);
      wanted = length;
      chunks.length = 0;
      chunks.push(bytes);
      if (received < length) break;
      await answer(socket, bytes.subarray(0, length), handle);
      const rest = bytes.subarray(length);
      chunks[0] = rest;
      received = rest.length;
      wanted = HEADER_BYTES;
    }
  }
}

function messageLength(bytes: Buffer): number {
  const length = bytes.readInt32LE(0);
  if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) {
    throw new ProtocolError(`a message has ${length} bytes, not ${HEADER_BYTES} to ${MAX_MESSAGE_BYTES}`);
  }
  return length;
}

async function answer(socket: Socket, bytes: Buffer, handle: Handler): Promise<void> {
  let reply: { requestId: number; legacy: boolean; document: Buffer };
  try {
    const message = readMessage(bytes);
    const document = await handle(message);
    if (message.noReply) return;
    reply = { requestId: message.requestId, legacy: message.legacy, document };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    reply = { requestId: bytes.readInt32LE(4), legacy: false, document: errorDocument(error) };
  }
  const flushed = socket.write(writeReply(reply.requestId, reply.legacy, reply.document));
  if (!flushed) await drained(socket);
}

async function drained(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const settle = (): void => {
      socket.off('drain', settle);
      socket.off('close', settle);
      resolve();
    };
    socket.on('drain', settle);
    socket.on('close', settle);
    if (socket.destroyed) settle();
  });
}

export function errorDocument({ code, message, details }: CommandError): Buffer {
  return encodeDocument({ ok: 0, errmsg: message, code, ...details });
}
