import { createInterface } from 'node:readline';
import { expire } from '../../../src/embedded/janitor.ts';
import { startEmbedded } from '../../../src/embedded/start.ts';
import { Store } from '../../../src/embedded/store.ts';

/** Kills itself where the n-th commit from now on is made: 'inside' it or 'after' it, before anybody is told. */
let left = Number.POSITIVE_INFINITY;
let where = '';

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

function watchCommits(): void {
  const { write } = Store.prototype;
  Store.prototype.write = async function watched<T>(this: Store, action: () => T): Promise<T> {
    left -= 1;
    const last = left === 0;
    const result = await write.call<Store, [() => T], Promise<T>>(this, () => {
      const value = action();
      if (last && where === 'inside') die();
      return value;
    });
    if (last) die();
    return result;
  };
}

/** Starts an engine on the directory in argv; lines on stdin: 'inside 2' or 'after 2', and 'expire' for TTL indexes. */
async function main(): Promise<void> {
  watchCommits();
  const open = Store.open.bind(Store);
  let store: Store | undefined;
  Store.open = async (path) => (store = await open(path));
  const server = await startEmbedded({ dataDir: process.argv[2] ?? '' });
  process.stdout.write(`${JSON.stringify({ uri: server.uri })}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    const [command = '', count] = line.split(' ');
    if (command === 'expire') {
      if (store) await expire(store, new Date());
    } else {
      where = command;
      left = Number(count);
    }
    process.stdout.write('done\n');
  }
}

await main();
