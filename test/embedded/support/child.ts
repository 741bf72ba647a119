import { startEmbedded } from '../../../src/embedded/start.ts';

/** Starts an engine on the directory in argv and tells the parent its uri, or why not; ends when stdin ends. */
async function main(): Promise<void> {
  const dataDir = process.argv[2] ?? '';
  try {
    const server = await startEmbedded({ dataDir });
    process.stdout.write(`${JSON.stringify({ uri: server.uri })}\n`);
    process.stdin.resume();
    process.stdin.once('end', () => void server.close().then(() => process.exit(0)));
  } catch (error) {
    const { name, message } = error instanceof Error ? error : { name: 'unknown', message: String(error) };
    process.stdout.write(`${JSON.stringify({ error: name, message })}\n`);
    process.exitCode = 1;
  }
}

await main();
