import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { Logger } from 'pino';
import { routes } from '../../generated/express.gen.ts';
import { trust } from './credentials.ts';
import { listen } from './listener.ts';

/**
 * Has an app answer one request of each operation, on a loopback port that nobody knows, before it listens in public:
 * the validator compiles an operation when it is first asked for, the driver connects, and node compiles what runs.
 * Else the first caller waits several times as long as the second. What fails here is logged, and the service starts.
 */
export async function warmUp(app: RequestListener, log: Logger): Promise<void> {
  const server = createServer((request, response) => {
    trust(request);
    app(request, response);
  });
  const { level } = log;
  const url = await listen(server, 0, '127.0.0.1');
  // The log is about what users ask; errors are said all the same.
  log.level = 'warn';
  try {
    for (const { method, path, hasBody } of Object.values(routes)) {
      // An empty body lacks what is required, so that nothing is written.
      const body = { body: '{}', headers: { 'Content-Type': 'application/json' } };
      const query = path.startsWith('/api/') && method === 'get' ? '?limit=1' : '';
      const reply = await fetch(`${url}${path}${query}`, {
        method: method.toUpperCase(),
        ...(hasBody && body),
      });
      await reply.arrayBuffer();
    }
  } finally {
    log.level = level;
    server.close();
    server.closeAllConnections();
  }
}
