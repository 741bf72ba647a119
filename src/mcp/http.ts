import { createMcpHandler } from '@modelcontextprotocol/server';
import { createClient } from '../client/index.ts';
import { createServer } from './server.ts';

/** A placeholder: requests are handled in memory and never reach a host. */
const BASE_URL = 'http://localhost';

/**
 * Answers an HTTP request of MCP, of any protocol version.
 * @param connect - makes the fetch for one call of a tool
 */
export function handleMcp(request: Request, body: unknown, connect: () => typeof fetch): Promise<Response> {
  // The agent decides about retries; errors contain the time to wait.
  const client = () => createClient({ baseUrl: BASE_URL, fetch: connect(), retries: 0 });
  // The tools never change, so there is nothing to subscribe to.
  const handler = createMcpHandler(() => createServer(client), { maxSubscriptions: 0 });
  return handler.fetch(request, { parsedBody: body });
}
