/** Runs the embedded database in a separate process, which two instances of the service share. */
import { pino } from 'pino';
import { startEmbedded } from '../../src/embedded/index.ts';

const log = pino({ level: 'info' });
const ended = new Promise((resolve) => {
  process.once('SIGTERM', resolve);
});
const { uri, close } = await startEmbedded({ dataDir: process.argv[2] ?? '', log });
log.info({ uri }, 'listening');
await ended;
await close();
