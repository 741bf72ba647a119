import { createClient } from '../client/index.ts';
import { serveTools } from '../mcp/stdio.ts';
import { UsageError, parseArguments, runCommand } from './command-line.ts';

const HELP = `Usage: recoup-tasks mcp

Serves the tools of a running service to an MCP client on stdin and stdout, until stdin ends. Programs such as desktop
clients start it; docs/mcp.md has their settings. Clients that speak HTTP can use /mcp of the service instead.

  RECOUP_TASKS_URL      the address of the service, such as http://127.0.0.1:3000
  RECOUP_TASKS_API_KEY  a key of the service (command keys); not needed with AUTH=none
  --help                this text
`;

function read(args: string[]): string | 'help' {
  const options = { help: { type: 'boolean', short: 'h' } } as const;
  if (parseArguments('mcp', { args, options }).values.help) return 'help';
  const url = process.env.RECOUP_TASKS_URL ?? '';
  if (/^https?:\/\/[^/]/.test(url)) return url;
  throw new UsageError(
    'mcp',
    `RECOUP_TASKS_URL must be the address of the service, such as http://127.0.0.1:3000, but is "${url}".`,
  );
}

export async function main(args: string[]): Promise<void> {
  const run = (baseUrl: string) => serveTools(createClient({ baseUrl }));
  await runCommand({ name: 'mcp', help: HELP, read: () => read(args), run });
}
