import { once } from 'node:events';
import { type RequestListener, createServer, request as ask } from 'node:http';
import type { Logger } from 'pino';
import { routes } from '../../generated/express.gen.ts';
import { trust } from './credentials.ts';
import { listen } from './listener.ts';

/** Lacks what is required, so that nothing is written. */
const EMPTY_BODY = '{}';
/** With its length, because node would send the body of a DELETE without any. */
const EMPTY_BODY_HEADERS = { 'Content-Type': 'application/json', 'Content-Length': EMPTY_BODY.length };

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
      const query = path.startsWith('/api/') && method === 'get' ? '?limit=1' : '';
      // Not by fetch, which node would load for this alone.
      const request = ask(`${url}${path}${query}`, { method, headers: hasBody ? EMPTY_BODY_HEADERS : {} });
      request.end(hasBody ? EMPTY_BODY : undefined);
      const [response] = await once(request, 'response');
      await once(response.resume(), 'end');
    }
  } finally {
    log.level = level;
    server.close();
    server.closeAllConnections();
  }
}
