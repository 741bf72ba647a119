import { createRequire } from 'node:module';

function versionOf(packageName: string): string {
  try {
    const { version }: { version: string } = createRequire(import.meta.url)(`${packageName}/package.json`);
    return version;
  } catch {
    return 'of unknown version';
  }
}

/**
 * Checks at load time that undocumented parts of a package still have the shape that this service relies on.
 * @param parts - maps the name of each part to whether the part has the expected shape
 * @throws Error that names the package, its version and the first part that differs
 */
export function checkInternals(packageName: string, parts: Readonly<Record<string, boolean>>): void {
  const [changed] = Object.entries(parts).find(([, isAsExpected]) => !isAsExpected) ?? [];
  if (changed === undefined) return;
  throw new Error(
    `${packageName} ${versionOf(packageName)} has no ${changed}, which this service relies on. ` +
      'Install the version in package-lock.json.',
  );
}

export const isFunctionOf = (parameters: number, part: unknown): boolean =>
  typeof part === 'function' && part.length === parameters;
