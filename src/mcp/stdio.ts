import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Client } from '../client/index.ts';
import { createServer } from './server.ts';

/** Serves the tools on stdin and stdout until stdin ends. */
export async function serveTools(client: Client): Promise<void> {
  const ended = new Promise<void>((resolve) => process.stdin.once('close', resolve));
  const options = {
    maxSubscriptions: 0,
    // stdout belongs to the protocol.
    onerror: ({ message }: Error) => void process.stderr.write(`mcp: ${message}\n`),
  };
  const server = serveStdio(() => createServer(() => client), options);
  await ended;
  await server.close();
}
