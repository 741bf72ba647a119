/**
 * Declares a class that the driver does not export: a connection to a server. driver-writes.ts patches one of its
 * methods.
 */
declare module 'mongodb/lib/cmap/connection.js' {
  import type { Socket } from 'node:net';

  export class Connection {
    readonly socket: Socket;
    /** Resolves when the command has been handed to the socket. */
    writeCommand(command: unknown, options: unknown): Promise<void>;
  }
}
