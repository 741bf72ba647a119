#!/usr/bin/env node
/** The package's executable: starts the service, or runs one of its commands. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { describeVariables, wrap } from './config/variables.ts';

/** The commands by name. The module of a command is loaded only when the command runs. */
const COMMANDS: Record<string, () => Promise<{ main: (args: string[]) => Promise<void> }>> = {
  mcp: () => import('./commands/mcp.ts'),
  keys: () => import('./commands/keys.ts'),
  repair: () => import('./commands/repair.ts'),
  backup: () => import('./commands/backup.ts'),
  restore: () => import('./commands/restore.ts'),
  migrate: () => import('./commands/migrate.ts'),
  import: () => import('./commands/import.ts'),
  seed: () => import('./commands/seed.ts'),
};

function settingsHelp(): string {
  return describeVariables()
    .map(({ name, default: value, description }) => {
      const rest = wrap(description, 96)
        .map((line) => `      ${line}\n`)
        .join('');
      return `  ${name}${value && ` (${value})`}\n${rest}`;
    })
    .join('');
}

const HELP = `recoup-tasks: the tasks service, on the embedded database or on MongoDB

Usage: recoup-tasks [--help] [--version]   starts the service
       recoup-tasks COMMAND [...]           runs a command; COMMAND --help describes it

Commands: ${Object.keys(COMMANDS).join(', ')}

Settings, from the environment or a file .env in the working directory:

${settingsHelp()}
Once the service runs, open /docs in a browser.
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

// If a program such as `head` closes our stdout early (EPIPE), finish the command and drop the remaining output.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    // After any other write error, such as a full disk, finish the command too, but exit with code 1.
    process.exitCode = 1;
    if (stream === process.stdout) process.stderr.write(`recoup-tasks: stdout: ${error.message}\n`);
  });
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
