import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { Logger } from 'pino';
import { routes } from '../../generated/express.gen.ts';
import { listen } from './listener.ts';

/**
 * Has an app answer one request of each operation, on a loopback port that nobody knows, before it listens in public:
 * the validator compiles an operation when it is first asked for, the driver connects, and node compiles what runs.
 * Else the first caller waits several times as long as the second. What fails here is logged, and the service starts.
 */
export async function warmUp(app: RequestListener, log: Logger): Promise<void> {
  const server = createServer(app);
  const { level } = log;
  const url = await listen(server, 0, '127.0.0.1');
  // The log is about what users ask; errors are said all the same.
  log.level = 'warn';
  try {
    for (const { method, path } of Object.values(routes)) {
      const reply = await fetch(`${url}${path}?limit=1`, { method });
      await reply.arrayBuffer();
    }
  } finally {
    log.level = level;
    server.close();
    server.closeAllConnections();
  }
}
