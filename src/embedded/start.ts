import { join, resolve } from 'node:path';
import { Cursors } from './cursors.ts';
import { SOCKET_NAME, STORE_DIRECTORY, prepareDirectory, socketPath, socketUri } from './data-directory.ts';
import { dispatch } from './dispatch.ts';
import type { Engine } from './engine.ts';
import { type EngineLog, Janitor, discardUnfinished } from './janitor.ts';
import { Ownership, answers, candidateSocket } from './ownership.ts';
import { SocketServer } from './server.ts';
import { Store } from './store.ts';

export { SocketPathTooLong } from './data-directory.ts';
export { DataDirectoryInUse } from './ownership.ts';
export { UnusableStore } from './store-errors.ts';

export interface EmbeddedServer {
  /** Connection string for the mongodb driver, e.g. mongodb://%2Fpath%2Fdb.sock/?directConnection=true */
  readonly uri: string;
  /** Closes the client connections and the store, and removes the socket. Later calls return the same promise. */
  close(): Promise<void>;
}

const SILENT: EngineLog = { warn: () => undefined, error: () => undefined };

/**
 * Starts the engine on a data directory. Creates the directory if needed and removes other users' access to it.
 * @throws DataDirectoryInUse if another engine runs on the directory; SocketPathTooLong if its path is too long
 * @throws UnusableStore if the stored data is damaged, or a newer version of this program wrote it
 */
export async function startEmbedded(options: { dataDir: string; log?: EngineLog }): Promise<EmbeddedServer> {
  const log = options.log ?? SILENT;
  const path = await prepareDirectory(options.dataDir);
  const candidate = candidateSocket();
  const undo: (() => Promise<void>)[] = [];
  try {
    const server = await SocketServer.listen(socketPath(path, candidate), log);
    undo.unshift(() => server.close());
    const ownership = await Ownership.claim(path, candidate);
    undo.unshift(() => ownership.release());
    const store = await Store.open(join(path, STORE_DIRECTORY));
    undo.unshift(() => store.close());
    await discardUnfinished(store, log);
    const janitor = new Janitor(store, log);
    undo.unshift(() => janitor.stop());
    janitor.wake();
    const engine: Engine = { store, cursors: new Cursors(), janitor, log };
    server.serve((message) => dispatch(engine, message));
    undo.unshift(() => server.disconnect());
    return { uri: socketUri(socketPath(path, SOCKET_NAME)), close: once(() => runAll(undo)) };
  } catch (error) {
    await runAll(undo);
    throw error;
  }
}

/** Returns the connection string of the engine that runs on a data directory, or undefined if none does. */
export async function findRunningEmbedded(dataDir: string): Promise<string | undefined> {
  const socket = socketPath(resolve(dataDir), SOCKET_NAME);
  return (await answers(socket)) ? socketUri(socket) : undefined;
}

async function runAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  for (const step of steps) await step();
}

function once(action: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => (result ??= action());
}
