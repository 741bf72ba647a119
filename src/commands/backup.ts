import { backUp } from '../embedded/index.ts';
import {
  type Progress,
  commandLine,
  count,
  megabytes,
  readFileArguments,
  runCommand,
  secondsSince,
  settingsOf,
  showProgress,
} from './command-line.ts';
import { embeddedOnly } from './embedded-only.ts';

const HELP = `Usage: ${commandLine('backup')} FILE [--force]

Writes a consistent backup of the whole embedded database to FILE. The service may run meanwhile. FILE appears only when
it is complete, and only its owner can read it. Restore it with the command restore, or into a MongoDB server with
mongorestore --archive=FILE --gzip

  --force  replaces FILE if it exists
  --help   shows this text

DATA_DIR, from the environment or .env, is the folder of the database.
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
        `${megabytes(figures.bytes)}, in ${secondsSince(startedAt)} to ${file} (${megabytes(figures.fileBytes)}).\n`,
    );
  } finally {
    progress?.end();
  }
}

export async function main(args: string[]): Promise<void> {
  await runCommand({
    name: 'backup',
    help: HELP,
    read: () => readFileArguments('backup', args),
    run: backup,
  });
}
