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

/** Maximum number of connections. The driver's pool has 100. */
const MAX_CONNECTIONS = 1000;

/** Handles one command and returns the reply document. Reports failures in the document and does not throw. */
export type Handler = (message: Message) => Promise<Buffer>;

/** The listening socket and its clients. */
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

  /** Listens on a path that only the owner can use. Refuses clients until serve() is called. */
  static async listen(path: string, log: EngineLog): Promise<SocketServer> {
    const server = new SocketServer(log);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(path, resolve);
    });
    await chmod(path, 0o600);
    return server;
  }

  /** Starts to serve clients. */
  serve(handler: Handler): void {
    this.#handler = handler;
  }

  /** Refuses new clients, waits for running commands and closes connections. Still listens on the socket. */
  async disconnect(): Promise<void> {
    this.#handler = undefined;
    const running = [...this.#clients.values()];
    for (const socket of this.#clients.keys()) socket.destroySoon();
    await Promise.all(running);
  }

  /** Stops listening. */
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
        this.#log.warn({ err: error }, 'a connection to the embedded database was closed');
    } finally {
      socket.destroy();
      this.#clients.delete(socket);
    }
  }
}

/** A client may disconnect at any time; do not log that. */
function isProblem(error: unknown): boolean {
  return !['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR'].includes(systemCode(error));
}

/** Serves one client. Reads nothing while a command runs, so that a client holds at most one message and one reply. */
async function serveConnection(socket: Socket, handle: Handler): Promise<void> {
  const chunks: Buffer[] = [];
  let received = 0;
  let wanted = HEADER_BYTES;
  for await (const chunk of socket) {
    if (!Buffer.isBuffer(chunk)) throw new ProtocolError('the socket does not deliver bytes');
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
    throw new ProtocolError(`a message of ${length} bytes is outside the limits`);
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

/** Encodes the reply for a failed command. */
export function errorDocument({ code, message, details }: CommandError): Buffer {
  return encodeDocument({ ok: 0, errmsg: message, code, ...details });
}
