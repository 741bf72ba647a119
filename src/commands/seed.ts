import { joinDatabase } from '../store/open-store.ts';
import { addAccounts, addTasks } from '../samples/fill-database.ts';
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
import { type SeedPlan, seedAccounts, seedArtists, seedTasks } from './seed-data.ts';

const DEFAULTS: SeedPlan = { accounts: 10, tasks: 1_000, runs: 5 };
const BOUNDS: Record<keyof SeedPlan, { min: number; max: number }> = {
  accounts: { min: 1, max: 10_000 },
  tasks: { min: 1, max: 1_000_000 },
  runs: { min: 0, max: 1_000_000 },
};

const HELP = `Usage: ${commandLine('seed')} [--accounts A] [--tasks N] [--runs M]

Fills the configured database with made-up accounts, artists, tasks and runs. The service may run meanwhile. The same
arguments make the same documents, and existing documents stay unchanged, so it is safe to repeat the command.

  --accounts A  number of accounts that own the tasks (${count(BOUNDS.accounts.min)} to ${count(BOUNDS.accounts.max)}; default ${count(DEFAULTS.accounts)})
  --tasks N     total number of tasks (${count(BOUNDS.tasks.min)} to ${count(BOUNDS.tasks.max)}; default ${count(DEFAULTS.tasks)})
  --runs M      number of runs of each task (${count(BOUNDS.runs.min)} to ${count(BOUNDS.runs.max)}; default ${count(DEFAULTS.runs)})
  --help        shows this text

MONGODB_URI, MONGODB_DATABASE and DATA_DIR, from the environment or .env, name the database.
`;

function parseCount(name: keyof SeedPlan, value: string | undefined): number {
  if (value === undefined) return DEFAULTS[name];
  const { min, max } = BOUNDS[name];
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(
    'seed',
    `--${name} must be a whole number from ${count(min)} to ${count(max)}, digits only, but is "${value}".`,
  );
}

/** @throws UsageError */
export function readArguments(args: string[]): SeedPlan | 'help' {
  const { values } = parseArguments('seed', {
    args,
    options: {
      accounts: { type: 'string' },
      tasks: { type: 'string' },
      runs: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return 'help';
  return {
    accounts: parseCount('accounts', values.accounts),
    tasks: parseCount('tasks', values.tasks),
    runs: parseCount('runs', values.runs),
  };
}

async function seed(plan: SeedPlan): Promise<void> {
  const startedAt = performance.now();
  const database = await joinDatabase(settingsOf().database, warningsLog());
  try {
    const progress = showProgress(
      'Seeding',
      plan.accounts + plan.tasks * (1 + plan.runs),
      `Seeding ${count(plan.accounts)} accounts and ${count(plan.tasks)} tasks with ${count(plan.runs)} runs each`,
    );
    try {
      await addAccounts(database.collections, seedAccounts(plan.accounts));
      await addAccounts(database.collections, seedArtists(plan.accounts));
      progress.add(plan.accounts);
      await addTasks(database.collections, seedTasks(plan), progress.add);
    } finally {
      progress.end();
    }
  } finally {
    await database.close();
  }
  process.stdout.write(
    `Seeded ${count(plan.accounts)} accounts, ${count(plan.tasks)} tasks and ${count(plan.tasks * plan.runs)} runs in ${secondsSince(startedAt)}.\n`,
  );
}

export async function main(args: string[]): Promise<void> {
  await runCommand({ name: 'seed', help: HELP, read: () => readArguments(args), run: seed });
}
