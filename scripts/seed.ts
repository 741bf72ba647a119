import { existsSync, realpathSync } from 'node:fs';
import { parseArgs } from 'node:util';
import cliProgress from 'cli-progress';
import { pino } from 'pino';
import { InvalidSettings, readSettings } from '../src/config.ts';
import { joinDatabase } from '../src/database/connect.ts';
import { isDatabaseFailure } from '../src/database/failures.ts';
import { DataDirectoryInUse, UnusableStore } from '../src/embedded/start.ts';
import { addAccounts, addTasks } from '../src/samples/fill-database.ts';
import { type SeedPlan, seedAccounts, seedTasks } from './seed-data.ts';

const DEFAULTS: SeedPlan = { accounts: 10, tasks: 1_000, runs: 5 };
const BOUNDS: Record<keyof SeedPlan, { min: number; max: number }> = {
  accounts: { min: 1, max: 10_000 },
  tasks: { min: 1, max: 1_000_000 },
  runs: { min: 0, max: 1_000_000 },
};

const count = (number: number): string => number.toLocaleString('en-US');

const HELP = `Usage: npm run seed -- [--accounts A] [--tasks N] [--runs M]

Fills the configured database with made-up accounts, tasks and runs, whether the service is running or not. The same
arguments make the same documents; what is there already stays, so the command may be repeated.

  --accounts A  accounts that own the tasks (${count(BOUNDS.accounts.min)} to ${count(BOUNDS.accounts.max)}; default ${count(DEFAULTS.accounts)})
  --tasks N     tasks in all (${count(BOUNDS.tasks.min)} to ${count(BOUNDS.tasks.max)}; default ${count(DEFAULTS.tasks)})
  --runs M      runs of each task (${count(BOUNDS.runs.min)} to ${count(BOUNDS.runs.max)}; default ${count(DEFAULTS.runs)})
  --help        this text

The database is the one of MONGODB_URI, MONGODB_DATABASE and DATA_DIR, from the environment or .env (see .env.example).
`;

/** The command was called with arguments that it cannot use. */
export class UsageError extends Error {
  constructor(problem: string) {
    super(`${problem} See npm run seed -- --help.`);
    this.name = 'UsageError';
  }
}

function parseCount(name: keyof SeedPlan, value: string | undefined): number {
  if (value === undefined) return DEFAULTS[name];
  const { min, max } = BOUNDS[name];
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(
    `--${name} must be a whole number from ${count(min)} to ${count(max)}, in digits alone, but is "${value}".`,
  );
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        accounts: { type: 'string' },
        tasks: { type: 'string' },
        runs: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    // parseArgs explains at length; its first sentence says what is wrong.
    const [problem] = error instanceof Error ? error.message.split(/\.\s/) : [];
    throw new UsageError(`${(problem ?? 'The arguments cannot be read').replace(/\.$/, '')}.`);
  }
}

/**
 * What the command line asks for.
 * @throws UsageError naming what cannot be used and what would be right.
 */
export function readArguments(args: string[]): SeedPlan | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  return {
    accounts: parseCount('accounts', values.accounts),
    tasks: parseCount('tasks', values.tasks),
    runs: parseCount('runs', values.runs),
  };
}

interface Progress {
  add(documents: number): void;
  end(): void;
}

/** A bar on a terminal, one line elsewhere. */
function showProgress(plan: SeedPlan, documents: number): Progress {
  if (!process.stdout.isTTY) {
    process.stdout.write(
      `Seeding ${count(plan.accounts)} accounts and ${count(plan.tasks)} tasks with ${count(plan.runs)} runs each ...\n`,
    );
    return { add: () => {}, end: () => {} };
  }
  const bar = new cliProgress.SingleBar(
    {
      format: 'Seeding [{bar}] {percentage}% | {value}/{total} documents | {eta_formatted} left',
      etaBuffer: 100,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(documents, 0);
  return { add: (written) => bar.increment(written), end: () => bar.stop() };
}

async function seed(plan: SeedPlan): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile();
  const settings = readSettings(process.env);
  // Warnings alone, and to stderr: the bar has stdout to itself.
  const log = pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true }));
  const startedAt = performance.now();
  const database = await joinDatabase(settings.database, log);
  try {
    const progress = showProgress(plan, plan.accounts + plan.tasks * (1 + plan.runs));
    try {
      await addAccounts(database.collections, seedAccounts(plan.accounts));
      progress.add(plan.accounts);
      await addTasks(database.collections, seedTasks(plan), progress.add);
    } finally {
      progress.end();
    }
  } finally {
    await database.close();
  }
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  process.stdout.write(
    `Seeded ${count(plan.accounts)} accounts, ${count(plan.tasks)} tasks and ${count(plan.tasks * plan.runs)} runs in ${seconds} s.\n`,
  );
}

/** Errors whose message alone tells the caller what to do. */
const EXPLAINED = [UsageError, InvalidSettings, DataDirectoryInUse, UnusableStore];

/** In a line what the caller can mend; the stack of anything else, because it is a fault of ours. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isDatabaseFailure(error)) return `The database cannot be used: ${error.message}`;
  // A code is what the system's errors have, such as that of a folder that may not be written.
  const explained = EXPLAINED.some((known) => error instanceof known) || 'code' in error;
  return explained ? error.message : (error.stack ?? error.message);
}

/** Runs the command. */
export async function main(args: string[]): Promise<void> {
  try {
    const plan = readArguments(args);
    if (plan === 'help') process.stdout.write(HELP);
    else await seed(plan);
  } catch (error) {
    process.stderr.write(`seed: ${explain(error)}\n`);
    process.exitCode = 1;
  }
}

// Only as the command itself, not where a test imports this module.
if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename)
  void main(process.argv.slice(2));
