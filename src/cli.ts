#!/usr/bin/env node
/** The command of the installed package: starts the service, runs one of its scripts, or tells about both. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

/** What to do with the arguments behind a command's name. */
const COMMANDS: Record<string, () => Promise<{ main: (args: string[]) => Promise<void> }>> = {
  keys: () => import('../scripts/keys.ts'),
  repair: () => import('../scripts/repair.ts'),
  backup: () => import('../scripts/backup.ts'),
  restore: () => import('../scripts/restore.ts'),
  migrate: () => import('../scripts/migrate.ts'),
  seed: () => import('../scripts/seed.ts'),
};

const HELP = `recoup-tasks: the tasks service, on the embedded database or on MongoDB

Usage: recoup-tasks [--help] [--version]    starts the service
       recoup-tasks COMMAND [...]            as \`npm run COMMAND -- ...\` does in a clone; --help tells more

Commands: ${Object.keys(COMMANDS).join(', ')}

Settings, from the environment or a file .env in the working directory:
  PORT              port to listen on (3000), 0 for any that is free
  HOST              address to listen on (127.0.0.1)
  AUTH              required: every request needs a key; none: every caller is an admin, on this machine alone
                    (none on a loopback address, else required)
  MONGODB_URI       connection string of a MongoDB server; without it, the embedded database
  MONGODB_DATABASE  name of the database (recoup)
  DATA_DIR          folder of the embedded database (./data)
  SAMPLE_DATA       whether an embedded database without tasks is filled with sample data: on or off (on)
  RATE_LIMIT_PER_KEY, RATE_LIMIT_PER_ADDRESS  requests a minute with one key (6000), from one address (12000); 0: any
  CORS_ORIGINS      origins whose pages may ask, e.g. https://tasks.example; needs AUTH=required (none)
  METRICS_PORT, METRICS_HOST  where Prometheus finds /metrics (nowhere; 127.0.0.1)
  TRUST_PROXY       proxies whose X-Forwarded-For is believed: their number, or addresses and networks (none)
  RUN_RETENTION_DAYS  days that final runs are kept, a task's last five longer (for ever)
  LOG_LEVEL         fatal, error, warn, info, debug, trace or silent (info)

Then open /docs in a browser.
`;

function version(): string {
  const file = createRequire(import.meta.url).resolve('recoup-tasks/package.json');
  const { version: text }: { version: string } = JSON.parse(readFileSync(file, 'utf8'));
  return text;
}

async function runService(): Promise<void> {
  const { values } = parseArgs({
    options: { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } },
  });
  if (values.help) process.stdout.write(HELP);
  else if (values.version) process.stdout.write(`${version()}\n`);
  else await import('./main.ts');
}

const [command = '', ...args] = process.argv.slice(2);
const found = Object.entries(COMMANDS).find(([name]) => name === command);
try {
  if (found) await (await found[1]()).main(args);
  else await runService();
} catch (error) {
  if (!(error instanceof TypeError && 'code' in error)) throw error;
  process.stderr.write(`recoup-tasks: ${error.message}\nSee recoup-tasks --help.\n`);
  process.exitCode = 2;
}
