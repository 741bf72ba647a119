/** A part of the driver that it does not export: a connection to a server, of which this service mends one method. */
declare module 'mongodb/lib/cmap/connection.js' {
  import type { Socket } from 'node:net';

  export class Connection {
    readonly socket: Socket;
    /** Resolves when the command has been handed to the socket. */
    writeCommand(command: unknown, options: unknown): Promise<void>;
  }
}
