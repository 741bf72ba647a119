import { once } from 'node:events';
import { Agent, type RequestListener, createServer, request as ask } from 'node:http';
import { duplexPair } from 'node:stream';
import { routes } from '../../../generated/express.gen.ts';
import { trust } from '../security/credentials.ts';

/** Lacks what is required, so that nothing is written. */
const EMPTY_BODY = '{}';
/** With its length, because node would send the body of a DELETE without any. */
const EMPTY_BODY_HEADERS = { 'Content-Type': 'application/json', 'Content-Length': EMPTY_BODY.length };

/** Make an operation read and compute little. */
const QUERIES: Partial<Record<string, string>> = {
  '/api/tasks': '?limit=1',
  '/api/tasks/runs': '?limit=1',
  '/api/tasks/occurrences': '?limit=1',
  '/api/tasks/upcoming': '?enabled=false',
};

/**
 * Has an app answer one request of each operation, before it listens in public: the validator compiles an operation when it
 * is first asked for, the driver connects, and node compiles what runs. Else the first caller waits several times as long as
 * the second. What fails here is logged, and the service starts.
 *
 * These requests are taken for an admin's, so that they come through memory: whatever listens, even on loopback alone, is
 * there for every user of the machine.
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
    // Not by fetch, which node would load for this alone.
    const request = ask({ method, path: `${path}${query}`, headers, agent });
    request.end(hasBody ? EMPTY_BODY : undefined);
    const [response] = await once(request, 'response');
    await once(response.resume(), 'end');
  }
}
