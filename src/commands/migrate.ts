import { MongoClient } from 'mongodb';
import { defaultsFor } from '../database/connect.ts';
import { migrate } from './migration/migrate.ts';
import { withoutCredentials } from '../database/credentials.ts';
import {
  type Progress,
  UsageError,
  commandLine,
  count,
  megabytes,
  parseArguments,
  runCommand,
  secondsSince,
  settingsOf,
  showProgress,
} from './command-line.ts';

const HELP = `Usage: ${commandLine('migrate')} --to URI

Copies the whole embedded database to a MongoDB server and compares every document. Stop the service first: the command
fails if the service writes meanwhile. After an interruption, repeat the command; it continues. Then set MONGODB_URI=URI
and start the service.

  --to URI  connection string of the server; default: MONGODB_URI, which keeps the password out of the list of processes.
            The target database is the one that the service would use: MONGODB_DATABASE, else the name in the path of
            the URI, else recoup. It must not contain other documents.
  --help    shows this text

DATA_DIR, from the environment or .env, is the folder of the embedded database.
`;

/** Driver options. The timeouts exceed the service's, because building an index of a large collection takes minutes. */
const DEFAULTS = {
  appName: 'recoup-tasks-migrate',
  connectTimeoutMS: 10_000,
  serverSelectionTimeoutMS: 10_000,
  socketTimeoutMS: 600_000,
};

/**
 * Driver options that override the connection string. With other values, the server could lose documents after the
 * comparison has found them.
 */
const CERTAIN = { readPreference: 'primary', writeConcern: { w: 'majority' } } as const;

/** @throws UsageError */
export function readArguments(args: string[]): { to: string | undefined } | 'help' {
  const options = { to: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
  const { values } = parseArguments('migrate', { args, options });
  return values.help ? 'help' : { to: values.to };
}

function clientFor(uri: string): MongoClient {
  try {
    return new MongoClient(uri, { ...defaultsFor(uri, DEFAULTS), ...CERTAIN });
  } catch {
    // Do not show the driver's message: it may contain parts of the password.
    throw new UsageError(
      'migrate',
      'The connection string of the server is invalid. Use the form mongodb://user:password@host:27017/name, with special characters of the password percent-encoded.',
    );
  }
}

async function run({ to }: { to: string | undefined }, remember: (uri: string) => void): Promise<void> {
  if (to !== undefined) remember(to);
  const here = settingsOf({ MONGODB_URI: '' }).database;
  const there = settingsOf(to === undefined ? {} : { MONGODB_URI: to }).database;
  if (there.uri === undefined) throw new UsageError('migrate', 'The target is missing. Pass --to URI.');
  remember(there.uri);
  const startedAt = performance.now();
  const client = clientFor(there.uri);
  let progress: Progress | undefined;
  try {
    await client.connect();
    const figures = await migrate(
      here.dataDir,
      client,
      { from: here.name, to: there.name },
      {
        onPhase: (phase, documents) => {
          progress?.end();
          progress = showProgress(phase, documents, `${phase} ${count(documents)} documents`);
        },
        onProgress: (documents) => progress?.add(documents),
      },
    );
    progress?.end();
    process.stdout.write(
      `Copied ${count(figures.inserted)} documents, replaced ${count(figures.replaced)}, deleted ${count(figures.deleted)}; the rest were already up to date.\n` +
        `Compared ${count(figures.collections)} collections, ${count(figures.documents)} documents, ${megabytes(figures.bytes)}, ` +
        `${count(figures.indexes)} indexes with database ${there.name}: all equal, in ${secondsSince(startedAt)}.\n`,
    );
  } finally {
    progress?.end();
    await client.close();
  }
}

export async function main(args: string[]): Promise<void> {
  const uris: string[] = [];
  await runCommand(
    {
      name: 'migrate',
      help: HELP,
      read: () => readArguments(args),
      run: (plan) => run(plan, (uri) => uris.push(uri)),
    },
    (message) => uris.reduce(withoutCredentials, message),
  );
}
