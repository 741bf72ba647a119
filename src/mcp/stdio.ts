import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Client } from '../client/index.ts';
import { createServer } from './server.ts';

/** Serves MCP on stdin and stdout until stdin is closed. */
export async function serveTools(client: Client): Promise<void> {
  const ended = new Promise<void>((resolve) => process.stdin.once('close', resolve));
  const options = {
    maxSubscriptions: 0,
    // Write to stderr, because stdout carries the protocol.
    onerror: ({ message }: Error) => void process.stderr.write(`mcp: ${message}\n`),
  };
  const server = serveStdio(() => createServer(() => client), options);
  await ended;
  await server.close();
}
