import { readFileSync } from 'node:fs';
import { joinDatabase } from '../store/open-store.ts';
import {
  UsageError,
  commandLine,
  parseArguments,
  runCommand,
  secondsSince,
  settingsOf,
  showProgress,
  warningsLog,
} from './command-line.ts';
import { importFrom } from './import/run-import.ts';
import { Source } from './import/source.ts';
import { describe } from './import/summary.ts';

const HELP = `Usage: ${commandLine('import')} --from URL [--account ID ...] [--enabled] [--dry-run]

Copies tasks, with their ids, and their runs from the original API, or from another installation of this service, into
the configured database. The service may run meanwhile. Tasks arrive disabled, so that two services do not execute the
same task. After an interruption, repeat the command. Tasks and runs that are newer here are not overwritten.

  --from URL       address of the API, without /api, such as https://api.example.com
  --key-file FILE  file with the API key of the source; default: the key in RECOUP_API_KEY
  --account ID     account whose tasks are copied; repeat it for more; default: all accounts that the key can read
  --enabled        enables tasks that are enabled at the source, including tasks of earlier imports that have not been
                   changed here since; never disables a task
  --dry-run        reads everything, writes nothing, and shows what an import would do
  --help           shows this text

The key is not an argument, because other users of the machine can see arguments. The command sends at most two requests
at a time to the source and honors its Retry-After.
MONGODB_URI, MONGODB_DATABASE and DATA_DIR, from the environment or .env, name the database.
`;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Matches an API key that can be sent in a header: visible ASCII characters without spaces. */
const KEY = /^[\x21-\x7e]+$/;

export interface ImportPlan {
  /** Address of the API to import from, without a trailing slash. */
  from: string;
  keyFile?: string;
  accounts: string[];
  enabled: boolean;
  dryRun: boolean;
}

const wrong = (problem: string) => new UsageError('import', problem);

function parseSource(text: string | undefined): string {
  if (text === undefined) throw wrong('--from URL is missing; it is the address of the API to import from.');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw wrong(`--from must be a URL such as https://api.example.com, but is "${text}".`);
  }
  if (url.username !== '' || url.password !== '') {
    throw wrong('--from must not contain a user or password. Put the key in RECOUP_API_KEY or --key-file.');
  }
  if (url.search !== '' || url.hash !== '') throw wrong('--from must have no query and no fragment.');
  if (/\/api(\/tasks)?\/*$/.test(url.pathname)) {
    throw wrong(
      `--from must not include /api: use ${url.origin}${url.pathname.replace(/\/api.*/, '')} instead.`,
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** @throws UsageError */
export function readArguments(args: string[]): ImportPlan | 'help' {
  const { values } = parseArguments('import', {
    args,
    options: {
      from: { type: 'string' },
      'key-file': { type: 'string' },
      account: { type: 'string', multiple: true },
      enabled: { type: 'boolean' },
      'dry-run': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return 'help';
  const { account: accounts = [], 'key-file': keyFile, 'dry-run': dryRun = false, enabled = false } = values;
  for (const account of accounts) {
    if (!UUID.test(account)) throw wrong(`--account must be a UUID, but is "${account}".`);
  }
  return {
    from: parseSource(values.from),
    ...(keyFile !== undefined && { keyFile }),
    accounts: accounts.map((account) => account.toLowerCase()),
    enabled,
    dryRun,
  };
}

/**
 * Reads the source's API key from the file, or else from RECOUP_API_KEY.
 * @throws UsageError if the key is missing or malformed; the system's error if the file cannot be read
 */
function readKey(file: string | undefined): string {
  const key = file === undefined ? process.env.RECOUP_API_KEY : readFileSync(file, 'utf8').trim();
  const where = file === undefined ? 'RECOUP_API_KEY' : file;
  if (!key) throw wrong(`There is no key in ${where}. Set RECOUP_API_KEY, or pass --key-file FILE.`);
  if (!KEY.test(key)) throw wrong(`The key in ${where} must be one line of ASCII characters without spaces.`);
  return key;
}

async function run({ from, keyFile, accounts, enabled, dryRun }: ImportPlan): Promise<void> {
  const source = new Source(from, readKey(keyFile));
  const startedAt = performance.now();
  const database = await joinDatabase(settingsOf().database, warningsLog());
  try {
    const progress = showProgress('Importing', 0, `Importing from ${from}`, 'tasks and runs');
    try {
      const options = { enabled, dryRun, now: new Date() };
      const figures = await importFrom(source, database.collections, accounts, options, {
        found: progress.grow,
        done: progress.add,
      });
      progress.end();
      const took = secondsSince(startedAt);
      process.stdout.write(`${describe(figures, { dryRun, took }).join('\n')}\n`);
    } finally {
      progress.end();
    }
  } finally {
    await database.close();
  }
}

export async function main(args: string[]): Promise<void> {
  await runCommand({ name: 'import', help: HELP, read: () => readArguments(args), run });
}
