import { backUp } from '../embedded/index.ts';
import {
  type Progress,
  count,
  megabytes,
  readFileArguments,
  runCommand,
  secondsSince,
  settingsOf,
  showProgress,
} from './command-line.ts';
import { embeddedOnly } from './embedded-only.ts';

const HELP = `Usage: npm run backup -- FILE [--force]

Writes all of the embedded database, as it is at one moment, into FILE, whether the service is running or not. FILE is
there whole or not at all, and only its owner can read it. npm run restore reads it, and so does mongorestore:
mongorestore --archive=FILE --gzip

  --force  replaces FILE where it exists
  --help   this text

The database is the one of DATA_DIR, from the environment or .env (see .env.example).
`;

async function backup({ file, force }: { file: string; force: boolean }): Promise<void> {
  const { database } = settingsOf();
  embeddedOnly('backup', database, 'mongodump --uri=... --archive=FILE --gzip');
  const startedAt = performance.now();
  let progress: Progress | undefined;
  let done = 0;
  try {
    const figures = await backUp(database.dataDir, file, {
      replace: force,
      onStart: (documents) => {
        progress = showProgress('Backing up', documents, `Backing up ${count(documents)} documents`);
      },
      onProgress: (documents) => {
        progress?.add(documents - done);
        done = documents;
      },
    });
    progress?.end();
    process.stdout.write(
      `Backed up ${count(figures.collections)} collections, ${count(figures.documents)} documents, ` +
        `${megabytes(figures.bytes)}, in ${secondsSince(startedAt)} into ${file} (${megabytes(figures.fileBytes)}).\n`,
    );
  } finally {
    progress?.end();
  }
}

/** Runs the command. */
export async function main(args: string[]): Promise<void> {
  await runCommand({
    name: 'backup',
    help: HELP,
    read: () => readFileArguments('backup', args),
    run: backup,
  });
}
