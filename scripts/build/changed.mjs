/**
 * Runs `npm run build` if a source has changed since the last build, so that commands otherwise start at once. It is
 * JavaScript, because it runs before the first build. `npm run build` ends with `changed.mjs --done`, which records
 * the time of the build.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const STAMP = 'dist/.built';
const SOURCES = ['src', 'generated', 'scripts'];
const FILES = ['package.json', 'package-lock.json', 'tsconfig.json'];

function builtAtMs() {
  return statSync(STAMP, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function changedSince(timeMs) {
  const found = SOURCES.flatMap((folder) =>
    // Include folders, because their modification times reveal deleted files.
    readdirSync(folder, { recursive: true }).map((path) => join(folder, path)),
  );
  return [...FILES, ...SOURCES, ...found].some((path) => statSync(path).mtimeMs > timeMs);
}

if (process.argv.includes('--done')) writeFileSync(STAMP, '');
else if (changedSince(builtAtMs())) {
  const startedAt = new Date();
  process.stderr.write('Building the service, which takes up to a minute ...\n');
  // The build's output goes to stderr, because stdout belongs to the command that follows.
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 2, 2], shell: true });
  process.exitCode = status ?? 1;
  // Record when the build started, because a source that was saved during the build may not be in it.
  if (status === 0) utimesSync(STAMP, startedAt, startedAt);
}
