import { once } from 'node:events';
import { type Socket, connect } from 'node:net';

const open = new Set<Socket>();

/** A connection to a service, of which nothing is read beyond what fits into its buffers. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  open.add(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Ends all connections that were dialled. */
export function hangUp(): void {
  for (const socket of open) socket.destroy();
  open.clear();
}
