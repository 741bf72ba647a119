import { once } from 'node:events';
import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { readSettings } from '../../../src/config/settings.ts';
import type { Collections } from '../../../src/store/collections.ts';
import { type Database, openDatabase } from '../../../src/store/open-store.ts';

/** Opens this process's database as the service would: with the settings in the environment. */
export function openOwn(): Promise<Database> {
  return openDatabase(readSettings(process.env).database, pino({ level: 'warn' }));
}

/** Logs the address in the same format as the service, so that the bench finds it. */
export function announce(url: string): void {
  process.stdout.write(`${JSON.stringify({ url, msg: 'listening' })}\n`);
}

/** Listens on a free port until SIGTERM. */
export async function listenUntilEnded(
  listener: RequestListener,
  close: () => Promise<void> = async () => {},
): Promise<void> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port }: Pick<AddressInfo, 'port'> = JSON.parse(JSON.stringify(server.address()));
  announce(`http://127.0.0.1:${port}`);
  await once(process, 'SIGTERM');
  server.closeAllConnections();
  server.close();
  await close();
}

/** Opens the database, and serves the listener created from its collections over node:http until SIGTERM. */
export async function serve(createListener: (collections: Collections) => RequestListener): Promise<void> {
  const { collections, close } = await openOwn();
  await listenUntilEnded(createListener(collections), close);
}
