#!/usr/bin/env node
/** The command of the installed package: starts the service, runs one of its scripts, or tells about both. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { describeVariables } from './config/variables.ts';

/** What to do with the arguments behind a command's name. */
const COMMANDS: Record<string, () => Promise<{ main: (args: string[]) => Promise<void> }>> = {
  keys: () => import('../scripts/keys.ts'),
  repair: () => import('../scripts/repair.ts'),
  backup: () => import('../scripts/backup.ts'),
  restore: () => import('../scripts/restore.ts'),
  migrate: () => import('../scripts/migrate.ts'),
  seed: () => import('../scripts/seed.ts'),
};

/** The settings, one paragraph each. */
function settingsHelp(): string {
  return describeVariables()
    .map(({ name, default: value, description }) => {
      const lines = description.match(/.{1,96}(?= |$)/g) ?? [];
      const rest = lines.map((line) => `      ${line.trim()}\n`).join('');
      return `  ${name}${value && ` (${value})`}\n${rest}`;
    })
    .join('');
}

const HELP = `recoup-tasks: the tasks service, on the embedded database or on MongoDB

Usage: recoup-tasks [--help] [--version]    starts the service
       recoup-tasks COMMAND [...]            as \`npm run COMMAND -- ...\` does in a clone; --help tells more

Commands: ${Object.keys(COMMANDS).join(', ')}

Settings, from the environment or a file .env in the working directory:

${settingsHelp()}
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
