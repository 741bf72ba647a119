import { joinDatabase } from '../store/open-store.ts';
import { repair } from '../store/repair.ts';
import {
  UsageError,
  count,
  parseArguments,
  runCommand,
  secondsSince,
  settingsOf,
  showProgress,
  warningsLog,
} from './command-line.ts';

const HELP = `Usage: npm run repair

Makes every task of the configured database point to its last five runs again, from the history of runs, and files its
runs under its owner, whether the service is running or not. The next report of a task mends its pointers too; this is for
tasks that wait long for one after a crash, and for what another tool wrote into the database.

  --help  this text

The database is the one of MONGODB_URI, MONGODB_DATABASE and DATA_DIR, from the environment or .env (see .env.example).
`;

/**
 * What the command line asks for.
 * @throws UsageError
 */
export function readArguments(args: string[]): 'repair' | 'help' {
  const options = { help: { type: 'boolean', short: 'h' } } as const;
  const { values, positionals } = parseArguments('repair', { args, allowPositionals: true, options });
  if (positionals.length > 0)
    throw new UsageError('repair', `There are no arguments, but "${positionals[0]}".`);
  return values.help ? 'help' : 'repair';
}

async function work(): Promise<void> {
  const startedAt = performance.now();
  const { collections, close } = await joinDatabase(settingsOf().database, warningsLog());
  try {
    const tasks = await collections.tasks.estimatedDocumentCount();
    const progress = showProgress('Repairing', tasks, `Looking at ${count(tasks)} tasks`);
    try {
      const figures = await repair(collections, progress.add);
      progress.end();
      process.stdout.write(
        `Looked at ${count(figures.tasks)} tasks, mended ${count(figures.mended)} and filed ${count(figures.filed)} runs ` +
          `in ${secondsSince(startedAt)}.\n`,
      );
    } finally {
      progress.end();
    }
  } finally {
    await close();
  }
}

/** Runs the command. */
export async function main(args: string[]): Promise<void> {
  await runCommand({ name: 'repair', help: HELP, read: () => readArguments(args), run: work });
}
