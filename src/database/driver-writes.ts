import { MongoError, MongoNetworkError } from 'mongodb';
import * as internals from 'mongodb/lib/cmap/connection.js';
import { checkInternals, isFunctionOf } from '../lib/internals.ts';

checkInternals('mongodb', {
  'Connection.prototype.writeCommand(command, options)': isFunctionOf(
    2,
    internals.Connection?.prototype?.writeCommand,
  ),
});
const { Connection } = internals;
const original = Connection.prototype.writeCommand;

/**
 * Replaces the driver's `writeCommand`. Unlike the original, it also rejects when the connection closes. It turns
 * socket errors into network errors, after which the driver retries.
 */
async function writeCommand(this: internals.Connection, command: unknown, options: unknown): Promise<void> {
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
 * Works around two bugs of mongodb 7.9 that appear when a server disconnects while a command is being written:
 * - The socket is already closed: write() returns false, and the driver waits for 'drain', which never comes. The
 *   operation hangs regardless of its time limits; if it is the monitor's, the client never recovers.
 * - write() fails: the driver rejects with Node's own error, `write EPIPE`, and does not retry. NODE-6864 and
 *   NODE-7067 (https://jira.mongodb.org/browse/NODE-6864) fixed other causes of the same error, not this one.
 *
 * Remove this file once test/database/driver-writes.test.ts passes without it, i.e. once the driver's `writeCommand`
 * also ends on the socket's 'close'.
 */
export function patchDriverWrites(): void {
  Connection.prototype.writeCommand = writeCommand;
}
