import { once } from 'node:events';
import { Agent, type RequestListener, createServer, request as ask } from 'node:http';
import { duplexPair } from 'node:stream';
import { routes } from '../../../generated/express.gen.ts';
import { trust } from '../security/credentials.ts';

/** Lacks required fields, so that nothing is written. */
const EMPTY_BODY = '{}';
/** Includes the length, because Node sends the body of a DELETE without one. */
const EMPTY_BODY_HEADERS = { 'Content-Type': 'application/json', 'Content-Length': EMPTY_BODY.length };

/** Query strings, by path, that keep the warm-up requests cheap. */
const QUERIES: Partial<Record<string, string>> = {
  '/api/tasks': '?limit=1',
  '/api/tasks/runs': '?limit=1',
  '/api/tasks/occurrences': '?limit=1',
  '/api/tasks/upcoming': '?enabled=false',
};

/**
 * Sends one request of each operation to an app before it listens. The first request makes the validator compile the
 * operation, the driver connect and V8 compile the code. Without the warm-up, the first caller waits several times as
 * long as the second. Failures are logged, and the service starts anyway.
 *
 * The requests are served as an admin's, so they arrive in memory. A listener, even on loopback, would be open to every
 * user of the machine.
 */
export async function warmUp(app: RequestListener): Promise<void> {
  const server = createServer((request, response) => {
    trust(request);
    app(request, response);
  });
  const agent = new Agent();
  agent.createConnection = () => {
    const [ours, theirs] = duplexPair();
    server.emit('connection', theirs);
    return ours;
  };
  for (const { method, path, hasBody } of Object.values(routes)) {
    const query = method === 'get' ? (QUERIES[path] ?? '') : '';
    const headers = hasBody ? EMPTY_BODY_HEADERS : {};
    // Not fetch: Node would load it only for the warm-up.
    const request = ask({ method, path: `${path}${query}`, headers, agent });
    request.end(hasBody ? EMPTY_BODY : undefined);
    const [response] = await once(request, 'response');
    await once(response.resume(), 'end');
  }
}
