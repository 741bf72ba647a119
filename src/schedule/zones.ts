import { ZONES_BY_ABBREVIATION, ZONE_NAMES } from './zone-names.ts';

/** Names shown in an error. */
const MOST_SHOWN = 3;

/** Letters that may be wrong in a name that is meant by another. */
const MOST_WRONG = 3;

const NAMES_BY_LOWER_CASE = new Map(ZONE_NAMES.map((name) => [name.toLowerCase(), name]));

/** The name that Intl gives to the zone it takes a name for; undefined if it knows no such zone. */
function intlNameOf(name: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

/** The name of a zone or link of tzdata, in its own letter case; undefined if tzdata or Intl does not know it. */
export function canonicalZone(name: string): string | undefined {
  const known = NAMES_BY_LOWER_CASE.get(name.toLowerCase());
  return known !== undefined && intlNameOf(known) !== undefined ? known : undefined;
}

/** How many letters must be changed, added or removed to make one text of the other (Levenshtein). */
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

/** The zones spelled most like a text: their whole name, or the last part of it. */
function spelledLike(text: string): string[] {
  const wanted = text.trim().toLowerCase().replaceAll(/\s+/g, '_');
  let fewest = Math.min(MOST_WRONG, Math.floor(wanted.length / 3));
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
 * Names of tzdata that may be meant by one that it does not have, most likely first: zones that use it as an abbreviation,
 * the zone that Intl takes it for, or zones spelled like it.
 */
export function nearestZones(name: string): string[] {
  const byAbbreviation = ZONES_BY_ABBREVIATION.get(name.toUpperCase()) ?? [];
  const intlName = canonicalZone(intlNameOf(name) ?? '');
  const likely = [...byAbbreviation, ...(intlName === undefined ? [] : [intlName])];
  const found = likely.length > 0 ? likely : spelledLike(name);
  return [...new Set(found.filter((zone) => canonicalZone(zone) !== undefined))].slice(0, MOST_SHOWN);
}
