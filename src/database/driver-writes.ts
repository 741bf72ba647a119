import { MongoError, MongoNetworkError } from 'mongodb';
import { Connection } from 'mongodb/lib/cmap/connection.js';

const original = Connection.prototype.writeCommand;

/** As the driver's own, but ends in any case, and with an error that the driver takes for one of the network. */
async function writeCommand(this: Connection, command: unknown, options: unknown): Promise<void> {
  const { socket } = this;
  let onClose = () => {};
  const lost = new Promise<never>((_resolve, reject) => {
    onClose = () => reject(new MongoNetworkError('The connection was closed while a command was written.'));
    if (socket.closed) onClose();
    else socket.once('close', onClose);
  });
  try {
    await Promise.race([original.call(this, command, options), lost]);
  } catch (error) {
    if (error instanceof MongoError || !(error instanceof Error) || !('syscall' in error)) throw error;
    throw new MongoNetworkError(error.message, { cause: error });
  } finally {
    socket.off('close', onClose);
  }
}

/**
 * Mends mongodb 7.9, where a server that ends in the moment that a command is written does worse than to fail it:
 * - the socket is closed already: write() returns false, and the driver waits for 'drain', which never comes. Such an
 *   operation hangs for ever, whatever its time limits; if it is the monitor's, the client never recovers.
 * - write() fails: the driver rejects with node's own error, `write EPIPE`, and does not repeat what it could.
 */
export function mendDriverWrites(): void {
  Connection.prototype.writeCommand = writeCommand;
}
