/**
 * Writes src/schedule/zone-names.ts from the copy of the tz database in moment-timezone. With `--check`, it writes
 * nothing, and fails if that file is outdated.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import moment from 'moment-timezone';

const FILE = 'src/schedule/zone-names.ts';

/** Maximum number of zones per abbreviation. */
const MOST = 3;

/** An abbreviation is omitted if no clock has used it since this time, in Unix milliseconds. */
const CURRENT_SINCE = Date.UTC(2024, 0, 1);

const require = createRequire(import.meta.url);
const packed: { version: string; zones: string[]; links: string[] } = JSON.parse(
  readFileSync(require.resolve('moment-timezone/data/packed/latest.json'), 'utf8'),
);
const zones = packed.zones.map((zone) => moment.tz.unpack(zone));
const names = [...zones.map(({ name }) => name), ...packed.links.map((link) => link.split('|')[1] ?? '')];

/** Returns each abbreviation with the zones whose clocks use it, the most populous zone first. */
function zonesByAbbreviation(): [string, string[]][] {
  const found = new Map<string, string[]>();
  const regions = zones.filter(({ name, population }) => name.includes('/') && population);
  for (const { name, abbrs, untils } of regions.toSorted(
    (a, b) => (b.population ?? 0) - (a.population ?? 0),
  )) {
    const current = abbrs.filter((_, at) => (untils[at] ?? Infinity) > CURRENT_SINCE);
    for (const abbreviation of new Set(current)) {
      if (!/^[A-Z]+$/.test(abbreviation) || names.includes(abbreviation)) continue;
      const users = found.get(abbreviation) ?? [];
      if (users.length < MOST) found.set(abbreviation, [...users, name]);
    }
  }
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

const text = `// Generated from tzdata ${packed.version} by npm run generate.

/** The names of all zones and links of tzdata. */
export const ZONE_NAMES: readonly string[] = \`
${names.toSorted().join('\n')}
\`
  .trim()
  .split('\\n');

/** Abbreviations such as CEST that are not zone names, each with up to three zones that use it, most populous first. */
export const ZONES_BY_ABBREVIATION: ReadonlyMap<string, readonly string[]> = new Map(
  \`
${zonesByAbbreviation()
  .map(([abbreviation, users]) => `${abbreviation} ${users.join(' ')}`)
  .join('\n')}
\`
    .trim()
    .split('\\n')
    .map((line) => {
      const [abbreviation = '', ...zones] = line.split(' ');
      return [abbreviation, zones];
    }),
);
`;

if (!process.argv.includes('--check')) writeFileSync(FILE, text);
else if (readFileSync(FILE, 'utf8') !== text) {
  process.stderr.write(`${FILE} differs from moment-timezone's data. Run npm run generate.\n`);
  process.exitCode = 1;
}
