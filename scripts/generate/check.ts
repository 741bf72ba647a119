/**
 * A step of `npm run check:spec`: fails if generated/ is not up to date with openapi.yaml, or contains files that git
 * does not track. It generates into a temporary folder and compares, so it changes nothing and needs no clean working
 * tree.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const COMMITTED = 'generated';

function filesIn(folder: string): Map<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]));
}

function differences(fresh: Map<string, string>, committed: Map<string, string>): string[] {
  return [...new Set([...fresh.keys(), ...committed.keys()])].toSorted().flatMap((file) => {
    if (!committed.has(file)) return [`${COMMITTED}/${file} is missing`];
    if (!fresh.has(file)) return [`${COMMITTED}/${file} is not generated from openapi.yaml`];
    return fresh.get(file) === committed.get(file) ? [] : [`${COMMITTED}/${file} differs`];
  });
}

/**
 * Returns the files in generated/ that git does not track and that a commit would therefore omit; none outside a git
 * checkout.
 */
function untracked(): string[] {
  try {
    const files = execFileSync('git', ['ls-files', '--others', COMMITTED], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return files.split('\n').filter(Boolean);
  } catch {
    return [];
  }
}

function complain(problems: string[], remedy: string): void {
  if (problems.length === 0) return;
  process.stderr.write(`${problems.join('\n')}\nTo fix it: ${remedy}\n`);
  process.exitCode = 1;
}

const folder = mkdtempSync(join(tmpdir(), 'recoup-generated-'));
try {
  const fresh = join(folder, COMMITTED);
  execFileSync('npm', ['run', '--silent', 'generate:api'], {
    env: { ...process.env, GENERATED_FOLDER: fresh },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  complain(differences(filesIn(fresh), filesIn(COMMITTED)), 'npm run generate');
  complain(
    untracked().map((file) => `${file} is not in git`),
    `git add ${COMMITTED}`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
