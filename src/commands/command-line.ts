import { type ParseArgsConfig, parseArgs } from 'node:util';
import cliProgress from 'cli-progress';
import { type Logger, pino } from 'pino';
import {
  DatabaseInUse,
  DataDirectoryInUse,
  FileInTheWay,
  NoStore,
  SocketPathTooLong,
  UnusableArchive,
  UnusableStore,
  WriteRefused,
} from '../embedded/index.ts';
import { InvalidSettings, type Settings, readSettings } from '../config/settings.ts';
import { readEnvironment } from '../config/environment.ts';
import { isDatabaseFailure } from '../database/failures.ts';
import { SourceFailed } from './import/source.ts';
import { NoSuchDatabase, SameName, WrittenMeanwhile } from './migration/migrate.ts';
import { ForeignDocuments } from './migration/target.ts';
import { NotEqual } from './migration/verify.ts';
import { createLog } from '../lib/log.ts';
import { Unusable, describeSystemError } from '../lib/system-errors.ts';

/** Commands for development, which the package's executable lacks. */
const ONLY_BY_NPM = new Set(['bench', 'soak']);

/** Returns how to start a command: by npm if npm started this process with it, otherwise by the package's executable. */
export const commandLine = (command: string): string =>
  process.env.npm_lifecycle_event === command || ONLY_BY_NPM.has(command)
    ? `npm run ${command} --`
    : `recoup-tasks ${command}`;

/** Thrown if the arguments of a command are invalid. The message names the problem and the command that shows help. */
export class UsageError extends Error {
  constructor(command: string, problem: string) {
    super(`${problem} See ${commandLine(command)} --help.`);
    this.name = 'UsageError';
  }
}

/** Thrown if a signal such as SIGINT ends a command before it is done. */
export class Interrupted extends Error {
  constructor(signal: string) {
    super(`Interrupted by ${signal}.`);
    this.name = 'Interrupted';
  }
}

/** Formats a number with thousands separators, such as 12,345. */
export const count = (number: number): string => number.toLocaleString('en-US');

/** Formats a number of bytes in megabytes (1,000,000 bytes), such as "12.3 MB". */
export const megabytes = (bytes: number): string =>
  `${(bytes / 1e6).toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })} MB`;

/** Formats the time since `startedAt`, an earlier value of performance.now(), such as "1.2 s". */
export const secondsSince = (startedAt: number): string =>
  `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`;

/**
 * Calls Node's parseArgs, and converts its errors to a UsageError with only the first sentence of their message.
 * @throws UsageError
 */
export function parseArguments<const Config extends ParseArgsConfig>(
  command: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    // Keep the first sentence of parseArgs's message, which names the problem; the others are advice.
    const [problem] = error instanceof Error ? error.message.split(/\.\s/) : [];
    throw new UsageError(command, `${(problem ?? 'The arguments are invalid').replace(/\.$/, '')}.`);
  }
}

/**
 * Reads the arguments of a command that takes one file name and the options --force and --help.
 * @throws UsageError
 */
export function readFileArguments(
  command: string,
  args: string[],
): { file: string; force: boolean } | 'help' {
  const options = { force: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
  const { values, positionals } = parseArguments(command, { args, allowPositionals: true, options });
  if (values.help) return 'help';
  const [file, other] = positionals;
  if (!file) throw new UsageError(command, 'The file name is missing.');
  if (other !== undefined) throw new UsageError(command, `Pass only one file; remove "${other}".`);
  return { file, force: values.force ?? false };
}

/**
 * Reads the settings from the environment and .env; `changes` override both.
 * @throws InvalidSettings
 */
export function settingsOf(changes: NodeJS.Dict<string> = {}): Settings {
  return readSettings({ ...readEnvironment().environment, ...changes });
}

/** Creates a log that writes only warnings and errors, to stderr, because commands show their progress on stdout. */
export function warningsLog(): Logger {
  return createLog('warn', pino.destination({ dest: 2, sync: true }));
}

export interface Progress {
  add(number: number): void;
  /** Adds to the total number of items; `add` adds to the number of finished items. */
  grow(number: number): void;
  end(): void;
}

/** Shows a progress bar if stdout is a terminal. Otherwise prints `line` once and no progress. */
export function showProgress(doing: string, total: number, line: string, unit = 'documents'): Progress {
  if (!process.stdout.isTTY) {
    process.stdout.write(`${line} ...\n`);
    return { add: () => {}, grow: () => {}, end: () => {} };
  }
  const bar = new cliProgress.SingleBar(
    {
      format: `${doing} [{bar}] {percentage}% | {value}/{total} ${unit} | {eta_formatted} left`,
      etaBuffer: 100,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(total, 0);
  return {
    add: (number) => bar.increment(number),
    grow: (number) => bar.setTotal(bar.getTotal() + number),
    end: () => bar.stop(),
  };
}

/** Errors whose message already tells the user what to do. They are printed without a stack. */
const EXPLAINED = [
  UsageError,
  Interrupted,
  InvalidSettings,
  Unusable,
  DataDirectoryInUse,
  SocketPathTooLong,
  UnusableStore,
  NoStore,
  FileInTheWay,
  UnusableArchive,
  DatabaseInUse,
  WriteRefused,
  ForeignDocuments,
  NotEqual,
  WrittenMeanwhile,
  SameName,
  NoSuchDatabase,
  SourceFailed,
];

/** Explains an error in one line if the user can fix it. Returns the stack of any other error, because it is a bug. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isDatabaseFailure(error)) return `The database cannot be used: ${error.message}`;
  if (EXPLAINED.some((known) => error instanceof known)) return error.message;
  // An error with a code comes from the system or a library, so its message is enough.
  return describeSystemError(error) ?? ('code' in error ? error.message : (error.stack ?? error.message));
}

/**
 * Runs a command: prints its help or does its work. On an error, prints the reason on stderr and sets exit code 1.
 * @param hide - removes secrets from an error message
 */
export async function runCommand<Plan>(
  command: { name: string; help: string; read: () => Plan | 'help'; run: (plan: Plan) => Promise<void> },
  hide: (message: string) => string = (message) => message,
): Promise<void> {
  try {
    const plan = command.read();
    if (plan === 'help') process.stdout.write(command.help);
    else await command.run(plan);
  } catch (error) {
    process.stderr.write(`${command.name}: ${hide(explain(error))}\n`);
    process.exitCode = 1;
  }
}
