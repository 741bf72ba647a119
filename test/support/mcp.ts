/** MCP clients of the service, of both protocol eras, and the calls of tools that they make. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

/** The protocol of 2026-07-28, without sessions, and the one before. */
export const ERAS = { current: { pin: '2026-07-28' }, previous: 'legacy' } as const;

export type Era = keyof typeof ERAS;

/** A client that is connected to /mcp of a service. */
export async function connectMcp(url: string, key: string | undefined, era: Era, send: typeof fetch = fetch) {
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: ERAS[era] } });
  const headers: Record<string, string> = key === undefined ? {} : { Authorization: `Bearer ${key}` };
  const options = { requestInit: { headers }, fetch: send };
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', url), options));
  return client;
}
