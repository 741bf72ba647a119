import { restoreArchive } from '../embedded/index.ts';
import { joinEmbedded } from '../database/connect.ts';
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
  warningsLog,
} from './command-line.ts';
import { embeddedOnly } from './embedded-only.ts';

const HELP = `Usage: ${commandLine('restore')} FILE [--force]

Replaces everything in the embedded database with the contents of FILE, a backup by the command backup or mongodump
--archive, gzipped or not. The service may run meanwhile. The command checks all of FILE, loads it beside the current
data, and then switches to it in one step. Until then, nothing changes. The disk needs space for both copies.

  --force  replaces the database even if it contains documents
  --help   shows this text

DATA_DIR, from the environment or .env, is the folder of the database.
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
        const line = `The file is complete. Restoring ${count(documents)} documents`;
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
        `The restored documents are in ${figures.databases.join(', ')}, but the service reads database "${database.name}". Set MONGODB_DATABASE to the name to read.\n`,
      );
    }
  } finally {
    progress?.end();
  }
}

export async function main(args: string[]): Promise<void> {
  await runCommand({
    name: 'restore',
    help: HELP,
    read: () => readFileArguments('restore', args),
    run: restore,
  });
}
