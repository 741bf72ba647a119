import { ZONES_BY_ABBREVIATION, ZONE_NAMES } from './zone-names.ts';

/** Maximum number of time zones that an error message suggests. */
const MAX_SUGGESTIONS = 3;

/** Maximum edit distance of a suggested name. */
const MAX_DISTANCE = 3;

const NAMES_BY_LOWER_CASE = new Map(ZONE_NAMES.map((name) => [name.toLowerCase(), name]));

/** Returns the name that Intl uses for a zone; undefined if Intl does not know the zone. */
function intlNameOf(name: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

/** Returns the name of a tzdata zone or link in its official spelling; undefined unless both tzdata and Intl know it. */
export function canonicalZone(name: string): string | undefined {
  const known = NAMES_BY_LOWER_CASE.get(name.toLowerCase());
  return known !== undefined && intlNameOf(known) !== undefined ? known : undefined;
}

/** Returns the Levenshtein distance of two texts: the number of letters to change, add or remove. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j += 1) {
      const replaced = (row[j] ?? 0) + (letter === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** Returns the zones whose full name or last part has the smallest edit distance to a text. */
function spelledLike(text: string): string[] {
  const wanted = text.trim().toLowerCase().replaceAll(/\s+/g, '_');
  let fewest = Math.min(MAX_DISTANCE, Math.floor(wanted.length / 3));
  let found: string[] = [];
  for (const name of ZONE_NAMES) {
    const whole = name.toLowerCase();
    for (const spelling of [whole, whole.slice(whole.lastIndexOf('/') + 1)]) {
      if (Math.abs(spelling.length - wanted.length) > fewest) continue;
      const wrong = distance(wanted, spelling);
      if (wrong < fewest) found = [];
      if (wrong <= fewest) found.push(name);
      fewest = Math.min(fewest, wrong);
    }
  }
  return found;
}

/**
 * Suggests tzdata names for an unknown name, most likely first: zones that use the name as an abbreviation and the zone
 * to which Intl maps the name, or else zones with a similar spelling.
 */
export function nearestZones(name: string): string[] {
  const byAbbreviation = ZONES_BY_ABBREVIATION.get(name.toUpperCase()) ?? [];
  const intlName = canonicalZone(intlNameOf(name) ?? '');
  const likely = [...byAbbreviation, ...(intlName === undefined ? [] : [intlName])];
  const found = likely.length > 0 ? likely : spelledLike(name);
  return [...new Set(found.filter((zone) => canonicalZone(zone) !== undefined))].slice(0, MAX_SUGGESTIONS);
}
