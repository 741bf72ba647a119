import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Returns the license texts of the packages that the bundled files come from. The licenses require that a copy
 * accompanies the code.
 */
export function licensesOf(files: string[]): string {
  const folders = files.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  const texts = [...new Set(folders)].toSorted().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const named = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file));
    const contents = named.map((file) => readFileSync(join(folder, file), 'utf8').trim());
    if (contents.length === 0 && typeof license !== 'string')
      throw new Error(`${name} has neither a license file nor a license in its package.json.`);
    return [`${name} ${version}`, ...(contents.length > 0 ? contents : [license])].join('\n\n');
  });
  return `${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}
