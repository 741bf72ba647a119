import { createMcpHandler } from '@modelcontextprotocol/server';
import { createClient } from '../client/index.ts';
import { createServer } from './server.ts';

/** A placeholder. Requests are served in memory and never reach this host. */
const BASE_URL = 'http://localhost';

/**
 * Answers an MCP request that arrived over HTTP, in any protocol version.
 * @param body - the parsed body of the request
 * @param connect - returns the fetch function for one call of a tool
 */
export function handleMcp(request: Request, body: unknown, connect: () => typeof fetch): Promise<Response> {
  // Do not retry: the agent that called the tool decides, and the error message tells it when to try again.
  const client = () => createClient({ baseUrl: BASE_URL, fetch: connect(), retries: 0 });
  // Clients cannot subscribe to changes of the tools, because the tools never change.
  const handler = createMcpHandler(() => createServer(client), { maxSubscriptions: 0 });
  return handler.fetch(request, { parsedBody: body });
}
