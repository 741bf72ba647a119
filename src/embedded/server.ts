import { chmod } from 'node:fs/promises';
import { type Server, type Socket, createServer } from 'node:net';
import { type Handler, serveConnection } from './connection.ts';
import { systemCode } from './errors.ts';
import type { EngineLog } from './janitor.ts';

/** Connections at a time; the driver's pool has 100. */
const MAX_CONNECTIONS = 1000;

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

  /** Listens on a path, for the owner only. Clients are refused until serve() is called. */
  static async listen(path: string, log: EngineLog): Promise<SocketServer> {
    const server = new SocketServer(log);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(path, resolve);
    });
    await chmod(path, 0o600);
    return server;
  }

  /** Starts answering clients. */
  serve(handler: Handler): void {
    this.#handler = handler;
  }

  /** Refuses new clients, lets running commands finish and ends the connections. The socket goes on listening. */
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

/** Clients may leave at any time; that is no problem. */
function isProblem(error: unknown): boolean {
  return !['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR'].includes(systemCode(error));
}
