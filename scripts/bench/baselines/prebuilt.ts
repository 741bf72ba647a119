/** (c) The limit: a reply that is there already, sent by node:http. */
import { readTasks } from './read-tasks.ts';
import { serve } from './serve.ts';

await serve((collections) => {
  const bodies = new Map<string, Buffer>();

  async function bodyOf(url: string): Promise<Buffer> {
    const query = Object.fromEntries(new URL(url, 'http://localhost').searchParams);
    const body = Buffer.from(
      JSON.stringify({ status: 'success', tasks: await readTasks(collections, query) }),
    );
    bodies.set(url, body);
    return body;
  }

  return async (request, response) => {
    const url = request.url ?? '/';
    const body = bodies.get(url) ?? (await bodyOf(url));
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length });
    response.end(body);
  };
});
