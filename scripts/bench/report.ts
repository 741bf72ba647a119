import type { Environment } from './environment.ts';
import { type Row, type Round, type Spread, type VariantFigures, isMet, spreadOf } from './figures.ts';

/**
 * All results of a bench run. `npm run bench -- --json` writes it; the chart and the tables of docs/performance.md
 * show it.
 */
export interface Report {
  environment: Environment;
  rows: (Row & { met: boolean | null })[];
  variants: (Omit<VariantFigures, 'rounds'> & { rounds: number } & Record<keyof Round, Spread>)[];
  notes: string[];
}

/** Formats a number with three significant digits. */
export function brief(number: number): string {
  if (!Number.isFinite(number)) return '–';
  if (Math.abs(number) >= 100) return Math.round(number).toLocaleString('en-US');
  return String(Number(number.toPrecision(3)));
}

const withUnit = (text: string, unit: Row['unit']) => (unit === '×' ? `${text}×` : `${text} ${unit}`);

function spreadText({ median, min, max }: Spread, unit: Row['unit']): string {
  const value = withUnit(brief(median), unit);
  return min === max ? value : `${value} (${brief(min)}–${brief(max)})`;
}

/** Formats a goal, such as "≥6× the requests/s of (a)". */
export function targetText({ target, unit, measure }: Row): string {
  const bound =
    'least' in target ? `≥${withUnit(brief(target.least), unit)}` : `≤${withUnit(brief(target.most), unit)}`;
  return `${bound} ${measure}`;
}

function metText(row: Row): string {
  const met = isMet(row);
  if (met === undefined) return '–';
  return met ? 'yes' : 'NO';
}

/** Formats a Markdown table whose columns are also aligned on a terminal. */
function tableOf(head: string[], rows: string[][]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

export function rowsTable(rows: Row[]): string {
  return tableOf(
    ['work', 'figure to reach', 'measured (min–max)', 'met?'],
    rows.map((row) => [
      row.work,
      targetText(row),
      row.measured ? spreadText(row.measured, row.unit) : (row.note ?? '–'),
      metText(row),
    ]),
  );
}

export function variantsTable(variants: Report['variants']): string {
  const cell = ({ median, min, max }: Spread) => `${brief(median)} (${brief(min)}–${brief(max)})`;
  return tableOf(
    ['part', 'variant', 'requests/s', 'MB/s', 'CPU ms/request', 'p50 ms', 'p99 ms', 'peak MiB', 'load cores'],
    variants.map((variant) => [
      variant.part,
      variant.name,
      cell(variant.requestsPerSecond),
      brief(variant.megabytesPerSecond.median),
      cell(variant.cpuMsPerRequest),
      brief(variant.p50Ms.median),
      brief(variant.p99Ms.median),
      brief(variant.peakMebibytes.median),
      brief(variant.generatorCores.median),
    ]),
  );
}

function overRounds({ rounds, ...variant }: VariantFigures): Report['variants'][number] {
  const spread = (quantity: keyof Round) => spreadOf(rounds.map((round) => round[quantity]));
  return {
    ...variant,
    rounds: rounds.length,
    requestsPerSecond: spread('requestsPerSecond'),
    megabytesPerSecond: spread('megabytesPerSecond'),
    cpuMsPerRequest: spread('cpuMsPerRequest'),
    p50Ms: spread('p50Ms'),
    p99Ms: spread('p99Ms'),
    firstByteMs: spread('firstByteMs'),
    peakMebibytes: spread('peakMebibytes'),
    generatorCores: spread('generatorCores'),
  };
}

/** Combines the results of all parts, and reduces the rounds of each variant to median and range. */
export function reportOf(
  environment: Environment,
  parts: { rows: Row[]; variants: VariantFigures[]; notes: string[] }[],
): Report {
  return {
    environment,
    rows: parts.flatMap(({ rows }) => rows.map((row) => ({ ...row, met: isMet(row) ?? null }))),
    variants: parts.flatMap(({ variants }) => variants.map(overRounds)),
    notes: parts.flatMap(({ notes }) => notes),
  };
}
