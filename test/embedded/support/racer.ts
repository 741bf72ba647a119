import { createInterface } from 'node:readline';
import { type EmbeddedServer, startEmbedded } from '../../../src/embedded/start.ts';

/** For each directory on stdin starts an engine at once and tells 'started' or the error; 'close' closes it. */
async function main(): Promise<void> {
  let server: EmbeddedServer | undefined;
  process.stdout.write('ready\n');
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'close') {
      await server?.close();
      server = undefined;
      process.stdout.write('closed\n');
      continue;
    }
    try {
      server = await startEmbedded({ dataDir: line });
      process.stdout.write('started\n');
    } catch (error) {
      process.stdout.write(`${error instanceof Error ? error.name : 'unknown'}\n`);
    }
  }
}

await main();
