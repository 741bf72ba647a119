/**
 * A step of `npm run check`: fails if the files that git tracks in a folder have more lines in total than the folder's
 * limit.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Maximum number of lines by folder. Files of every type count, and so do subfolders that have no limit of their own.
 */
const LIMITS: Readonly<Record<string, number>> = {
  'src/embedded': 5_600,
  'src/engine': 2_200,
  'src/engine/trigger': 1_850,
  'src/page': 2_500,
};

function linesIn(folder: string): number {
  const others = Object.keys(LIMITS).filter((other) => other.startsWith(`${folder}/`));
  const excluded = others.map((other) => `:(exclude)${other}`);
  const files = execFileSync('git', ['ls-files', '-z', folder, ...excluded], { encoding: 'utf8' });
  const texts = files.split('\0').map((file) => (file === '' ? '' : readFileSync(file, 'utf8')));
  return texts.join('').split('\n').length - 1;
}

for (const [folder, limit] of Object.entries(LIMITS)) {
  const lines = linesIn(folder);
  if (lines <= limit) continue;
  process.stderr.write(`${folder} has ${lines} lines, and its limit is ${limit}. Remove ${lines - limit}.\n`);
  process.exitCode = 1;
}
