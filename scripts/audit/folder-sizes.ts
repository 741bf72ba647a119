/** `npm run check`: fails if the tracked code in a folder has more lines than the folder's limit. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Maximum number of lines of code, by folder, including subfolders without a limit of their own. */
const LIMITS: Readonly<Record<string, number>> = {
  'src/embedded': 5_600,
  'src/engine': 2_200,
  'src/engine/trigger': 1_800,
  'src/page': 2_500,
};

function linesIn(folder: string): number {
  const patterns = ['ts', 'tsx', 'mjs', 'cjs'].map((extension) => `:(glob)${folder}/**/*.${extension}`);
  const others = Object.keys(LIMITS).filter((other) => other.startsWith(`${folder}/`));
  const excluded = others.map((other) => `:(exclude)${other}`);
  const files = execFileSync('git', ['ls-files', '-z', ...patterns, ...excluded], { encoding: 'utf8' });
  const texts = files.split('\0').map((file) => (file === '' ? '' : readFileSync(file, 'utf8')));
  return texts.join('').split('\n').length - 1;
}

for (const [folder, limit] of Object.entries(LIMITS)) {
  const lines = linesIn(folder);
  if (lines <= limit) continue;
  process.stderr.write(
    `${folder} has ${lines} lines of code, and its limit is ${limit}. Remove ${lines - limit}.\n`,
  );
  process.exitCode = 1;
}
