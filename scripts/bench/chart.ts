/**
 * `npm run bench:chart`: draws the SVG of docs/performance.md from a report that `npm run bench -- --json` has written.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArguments, runCommand, UsageError } from '../../src/commands/command-line.ts';
import { environmentLine } from './environment.ts';
import { type Report, brief } from './report.ts';
import { isCommand } from './is-command.ts';

const HELP = `Usage: npm run bench:chart -- FILE.json FILE.svg

Draws requests/s and CPU per request of each variant, from a report that npm run bench -- --json has written.
`;

/** The part of the bench to draw, in which concurrent callers each list their own tasks. */
const PART = 'listing';
const WIDTH = 760;
const LABEL_WIDTH = 290;
const BAR_WIDTH = 390;
const ROW = 26;
const BAR = 16;
const HEAD = 58;
/** Colors for light and dark themes. An image does not inherit the colors of its page. */
const STYLE = `text { font: 13px system-ui, sans-serif; fill: #24292f } .small { font-size: 11px; fill: #57606a }
rect { fill: #8c959f } .own { fill: #0969da }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .small { fill: #9198a1 } rect { fill: #6e7681 } .own { fill: #4493f8 } }`;

const escapeXml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

type Quantity = 'requestsPerSecond' | 'cpuMsPerRequest';

/** Draws one bar per variant, in proportion to its median. */
function bars(variants: Report['variants'], quantity: Quantity, title: string, top: number): string {
  const longest = Math.max(...variants.map((variant) => variant[quantity].median));
  const rows = variants.map((variant, index) => {
    const y = top + HEAD / 2 + index * ROW;
    const { median } = variant[quantity];
    const width = Math.max(1, (BAR_WIDTH * median) / longest);
    const own = variant.name.startsWith('service') ? ' class="own"' : '';
    return `<text x="${LABEL_WIDTH - 8}" y="${y + 12}" text-anchor="end">${escapeXml(variant.name)}</text>
<rect${own} x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>
<text x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${y + 12}">${brief(median)}</text>`;
  });
  return `<text x="${LABEL_WIDTH}" y="${top + 16}">${escapeXml(title)}</text>\n${rows.join('\n')}`;
}

/**
 * Draws the chart of a report.
 * @throws UsageError if the report has no listing
 */
export function chartOf({ environment, variants }: Report): string {
  const listed = variants.filter(({ part }) => part === PART);
  if (listed.length === 0)
    throw new UsageError(
      'bench:chart',
      `The file has no figures of the part "${PART}". Run npm run bench -- --only ${PART} --json FILE.`,
    );
  const height = HEAD / 2 + listed.length * ROW + 12;
  const total = 2 * height + 28;
  const { listedTasks } = environment.plan;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${total}" viewBox="0 0 ${WIDTH} ${total}" role="img">
<title>Listing ${listedTasks} tasks with 5 runs each: requests/s and CPU per request</title>
<style>${STYLE}</style>
${bars(listed, 'requestsPerSecond', `Listing ${listedTasks} tasks × 5 runs: requests/s (more is better)`, 0)}
${bars(listed, 'cpuMsPerRequest', 'CPU of the server per request, in ms (less is better)', height)}
<text class="small" x="8" y="${total - 10}">${escapeXml(environmentLine(environment))}</text>
</svg>
`;
}

function readArguments(args: string[]): { from: string; to: string } | 'help' {
  const { values, positionals } = parseArguments('bench:chart', {
    args,
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return 'help';
  const [from, to, more] = positionals;
  if (from === undefined || to === undefined || more !== undefined) {
    throw new UsageError('bench:chart', 'Pass two files: FILE.json to read and FILE.svg to write.');
  }
  return { from, to };
}

async function draw({ from, to }: { from: string; to: string }): Promise<void> {
  const report: Report = JSON.parse(await readFile(from, 'utf8'));
  await writeFile(to, chartOf(report));
}

if (isCommand(import.meta.filename)) {
  const args = process.argv.slice(2);
  void runCommand({ name: 'bench:chart', help: HELP, read: () => readArguments(args), run: draw });
}
