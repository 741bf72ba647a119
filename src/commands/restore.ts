import { restoreArchive } from '../embedded/index.ts';
import { joinEmbedded } from '../database/connect.ts';
import {
  type Progress,
  count,
  megabytes,
  readFileArguments,
  runCommand,
  secondsSince,
  settingsOf,
  showProgress,
  warningsLog,
} from './command-line.ts';
import { embeddedOnly } from './embedded-only.ts';

const HELP = `Usage: npm run restore -- FILE [--force]

Replaces everything in the embedded database by what is in FILE, whether the service is running or not. FILE is one of
npm run backup or of mongodump --archive, gzipped or not. It is checked from start to end first; then it is loaded beside
what is there, which takes as much room again; then both change places at once. Until then nothing changes.

  --force  also where the database holds documents
  --help   this text

The database is the one of DATA_DIR, from the environment or .env (see .env.example).
`;

async function restore({ file, force }: { file: string; force: boolean }): Promise<void> {
  const { database } = settingsOf();
  embeddedOnly('restore', database, 'mongorestore --uri=... --archive=FILE --gzip');
  const startedAt = performance.now();
  let progress: Progress | undefined;
  const join = () => joinEmbedded(database.dataDir, warningsLog());
  try {
    const figures = await restoreArchive(file, join, force, {
      onVerified: ({ documents }) => {
        const line = `The file is whole. Restoring ${count(documents)} documents`;
        progress = showProgress('Restoring', documents, line);
      },
      onLoaded: (documents) => progress?.add(documents),
    });
    progress?.end();
    process.stdout.write(
      `Restored ${count(figures.collections)} collections, ${count(figures.documents)} documents, ` +
        `${megabytes(figures.bytes)}, in ${secondsSince(startedAt)}.\n`,
    );
    if (figures.collections > 0 && !figures.databases.includes(database.name)) {
      process.stdout.write(
        `They are in ${figures.databases.join(', ')}, and the service reads "${database.name}": set MONGODB_DATABASE.\n`,
      );
    }
  } finally {
    progress?.end();
  }
}

/** Runs the command. */
export async function main(args: string[]): Promise<void> {
  await runCommand({
    name: 'restore',
    help: HELP,
    read: () => readFileArguments('restore', args),
    run: restore,
  });
}
