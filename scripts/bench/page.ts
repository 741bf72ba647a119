/** `npm run bench:page`: writes the tables of docs/performance.md from scripts/bench/figures.json. */
import { readFile, writeFile } from 'node:fs/promises';
import { environmentLine } from './environment.ts';
import { isCommand } from './is-command.ts';
import { type Report, rowsTable } from './report.ts';

const FIGURES = 'scripts/bench/figures.json';
const PAGE = 'docs/performance.md';
const BEGIN = '<!-- Generated from scripts/bench/figures.json by npm run bench:page. -->';
const END = '<!-- End of the generated part. -->';

/**
 * Formats the generated part of the page: first the goals that were missed or not measured, then the goals that were
 * met.
 */
function partOf({ environment, rows }: Report): string {
  const missed = rows.filter(({ met }) => met !== true);
  const met = rows.filter((row) => row.met === true);
  return `Measured on ${environmentLine(environment)}. Each figure is the median of ${environment.plan.rounds} rounds. The service met ${met.length} of ${rows.length} goals.

### Missed

${missed.length > 0 ? rowsTable(missed) : 'None.'}

### Met

${rowsTable(met)}`;
}

/** Returns the page with its generated part replaced by the figures of the report. */
export function pageWith(page: string, report: Report): string {
  const [before = '', rest = ''] = page.split(`${BEGIN}\n`);
  const [, after = ''] = rest.split(END);
  return `${before}${BEGIN}\n\n${partOf(report)}\n\n${END}${after}`;
}

if (isCommand(import.meta.filename)) {
  const report: Report = JSON.parse(await readFile(FIGURES, 'utf8'));
  await writeFile(PAGE, pageWith(await readFile(PAGE, 'utf8'), report));
}
