import { once } from 'node:events';
import { Agent, type RequestListener, createServer, request as ask } from 'node:http';
import { duplexPair } from 'node:stream';
import { routes } from '../../../generated/express.gen.ts';
import { trust } from '../security/credentials.ts';

/** Body of the warm-up requests. It lacks required fields, so every operation that writes refuses it. */
const EMPTY_BODY = '{}';
/** Content-Length is set explicitly, because Node does not add it to a DELETE request. */
const EMPTY_BODY_HEADERS = { 'Content-Type': 'application/json', 'Content-Length': EMPTY_BODY.length };

/** Query strings by path. They make the replies to the warm-up requests small. */
const QUERIES: Partial<Record<string, string>> = {
  '/api/tasks': '?limit=1',
  '/api/tasks/runs': '?limit=1',
  '/api/tasks/occurrences': '?limit=1',
  '/api/tasks/upcoming': '?enabled=false',
};

/**
 * Sends one request for each operation to an app before it listens. The first request of an operation makes the
 * validator compile its schemas, the driver connect and V8 compile the code. Without the warm-up, the first caller
 * would wait several times as long as the second. If a request fails, the error is logged, and the service starts
 * anyway.
 *
 * The requests get an admin's access without a key, so they are sent in memory. A port, even on loopback, would give
 * that access to every user of the machine.
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
    // Do not use fetch: Node would load its implementation just for the warm-up.
    const request = ask({ method, path: `${path}${query}`, headers, agent });
    request.end(hasBody ? EMPTY_BODY : undefined);
    const [response] = await once(request, 'response');
    await once(response.resume(), 'end');
  }
}
