/**
 * A step of `npm run check`: fails if an installed production dependency has a known vulnerability, and prints the name
 * and severity of each such package. If the registry does not answer, or is a mirror that does not support audits, the
 * check prints that and passes.
 */
import { spawnSync } from 'node:child_process';

/** Time limit of `npm audit`. npm's own limit for a registry that does not answer is five minutes. */
const TIMEOUT_MS = 60_000;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/**
 * Returns the name and severity of each vulnerable package in a report of `npm audit`; undefined if the value is not
 * such a report.
 */
function vulnerable(report: unknown): string[] | undefined {
  if (!isObject(report) || !isObject(report.vulnerabilities)) return undefined;
  return Object.entries(report.vulnerabilities).map(
    ([name, found]) => `${name}: ${isObject(found) ? String(found.severity) : 'vulnerable'}`,
  );
}

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json', '--fetch-retries=0'], {
  encoding: 'utf8',
  timeout: TIMEOUT_MS,
});
const report = parse(stdout ?? '');
const found = vulnerable(report);
if (found === undefined) {
  const status =
    isObject(report) && report.statusCode !== undefined ? ` (HTTP ${String(report.statusCode)})` : '';
  process.stdout.write(`Dependencies were not checked: the registry returned no audit report${status}.\n`);
} else if (found.length > 0) {
  process.stderr.write(
    `${found.join('\n')}\nTo fix it, run npm audit for details, then npm update or npm audit fix.\n`,
  );
  process.exitCode = 1;
}
