import { joinDatabase } from '../store/open-store.ts';
import { repair } from '../store/repair.ts';
import {
  UsageError,
  commandLine,
  count,
  parseArguments,
  runCommand,
  secondsSince,
  settingsOf,
  showProgress,
  warningsLog,
} from './command-line.ts';

const HELP = `Usage: ${commandLine('repair')} [--help]

Repairs the configured database: corrects each task's pointers to its last five runs, and assigns runs to the account
that owns their task. The service may run meanwhile. Use it after a crash, or after another tool wrote to the database.
The next recorded run of a task also repairs that task.

  --help  shows this text

MONGODB_URI, MONGODB_DATABASE and DATA_DIR, from the environment or .env, name the database.
`;

/** @throws UsageError */
export function readArguments(args: string[]): 'repair' | 'help' {
  const options = { help: { type: 'boolean', short: 'h' } } as const;
  const { values, positionals } = parseArguments('repair', { args, allowPositionals: true, options });
  if (positionals.length > 0)
    throw new UsageError('repair', `This command has no arguments; remove "${positionals[0]}".`);
  return values.help ? 'help' : 'repair';
}

async function work(): Promise<void> {
  const startedAt = performance.now();
  const { collections, close } = await joinDatabase(settingsOf().database, warningsLog());
  try {
    const tasks = await collections.tasks.estimatedDocumentCount();
    const progress = showProgress('Repairing', tasks, `Checking ${count(tasks)} tasks`);
    try {
      const figures = await repair(collections, progress.add);
      progress.end();
      process.stdout.write(
        `Checked ${count(figures.tasks)} tasks, repaired ${count(figures.repaired)}, and assigned ${count(figures.reassigned)} runs to the accounts of their tasks ` +
          `in ${secondsSince(startedAt)}.\n`,
      );
    } finally {
      progress.end();
    }
  } finally {
    await close();
  }
}

export async function main(args: string[]): Promise<void> {
  await runCommand({ name: 'repair', help: HELP, read: () => readArguments(args), run: work });
}
