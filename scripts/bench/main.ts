/** `npm run bench`: measures the built service against baselines, and prints the figures next to their goals. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import {
  Interrupted,
  UsageError,
  count,
  parseArguments,
  runCommand,
  secondsSince,
  settingsOf,
  showProgress,
} from '../../src/commands/command-line.ts';
import { Bench } from './bench.ts';
import { Databases } from './databases.ts';
import { type Environment, environmentLine, environmentOf } from './environment.ts';
import { countDocuments } from './fill.ts';
import type { PartResult } from './figures.ts';
import type { Part } from './part.ts';
import { parts } from './parts.ts';
import { type BenchPlan, FULL, QUICK } from './plan.ts';
import { type Report, reportOf, rowsTable, variantsTable } from './report.ts';
import { isCommand } from './is-command.ts';

const NAMES = parts.map(({ name }) => name);

const HELP = `Usage: npm run bench -- [--only PART,PART] [--json FILE] [--quick]

Measures the built service against baselines on the same data. Each variant runs in its own process, in interleaved
rounds; the load generator runs in another process. Takes minutes. Prints each goal with the measured figure, then the
figures of each variant. The bench creates embedded databases, or databases with random names on MONGODB_URI if that is
set, and deletes them at the end.

  --only PART   measure only these parts; all parts are ${NAMES.join(', ')}
  --json FILE   also write all results to a file, from which npm run bench:chart draws a chart
  --quick       check in a minute that everything works; the figures mean nothing
  --help        show this text
`;

export interface BenchArguments {
  only: Part[];
  json: string | undefined;
  plan: BenchPlan;
}

/**
 * Parses the command line.
 * @throws UsageError naming what is wrong and what would be right
 */
export function readArguments(args: string[]): BenchArguments | 'help' {
  const { values } = parseArguments('bench', {
    args,
    options: {
      only: { type: 'string' },
      json: { type: 'string' },
      quick: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return 'help';
  const names = values.only?.split(',') ?? NAMES;
  const unknown = names.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(
      'bench',
      `--only has the unknown part "${unknown}"; the parts are ${NAMES.join(', ')}.`,
    );
  }
  return {
    only: parts.filter(({ name }) => names.includes(name)),
    json: values.json,
    plan: values.quick ? QUICK : FULL,
  };
}

async function fillAll(
  databases: Databases,
  wanted: Part[],
  { plan, interrupted }: { plan: BenchPlan; interrupted: AbortSignal },
): Promise<void> {
  const names = [...new Set(wanted.flatMap((part) => part.databases))];
  const documents = names.reduce((sum, name) => sum + countDocuments(name, plan), 0);
  const progress = showProgress('Filling', documents, `Filling ${names.length} databases`);
  try {
    const onProgress = (written: number) => {
      interrupted.throwIfAborted();
      progress.add(written);
    };
    for (const name of names) await databases.fill(name, { plan, onProgress });
  } finally {
    progress.end();
  }
}

/**
 * Measures one part after another. Calls `onResult` after each, so that its results survive the failure of a later
 * part.
 */
async function measureAll(
  bench: Bench,
  wanted: Part[],
  onResult: (result: PartResult) => void,
): Promise<void> {
  for (const part of wanted) {
    onResult(await part.run(bench));
    await bench.stopAll();
  }
}

/** Returns an AbortSignal that aborts on SIGINT or SIGTERM, so that the bench deletes its databases before it exits. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM']) {
    process.once(name, () => controller.abort(new Interrupted(name)));
  }
  return controller.signal;
}

/** Rejects with the signal's reason when it is aborted. */
async function rejectWhen(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
  signal.throwIfAborted();
}

function print({ environment, rows, variants, notes }: Report): void {
  process.stdout.write(`
${environmentLine(environment)}; medians of ${environment.plan.rounds} rounds

${rowsTable(rows)}

${variantsTable(variants)}

${notes.map((note) => `- ${note}\n`).join('')}`);
}

async function report(
  results: PartResult[],
  environment: Environment,
  json: string | undefined,
): Promise<void> {
  const whole = reportOf(environment, results);
  print(whole);
  if (json !== undefined) await writeFile(json, `${JSON.stringify(whole, undefined, 2)}\n`);
}

async function measure({ only, json, plan }: BenchArguments): Promise<void> {
  const startedAt = performance.now();
  const { uri } = settingsOf().database;
  const interrupted = interruption();
  const results: PartResult[] = [];
  const databases = await Databases.create(uri);
  let bench;
  try {
    await fillAll(databases, only, { plan, interrupted });
    const steps = only.reduce((sum, part) => sum + part.steps(plan), 0);
    const progress = showProgress('Measuring', steps, `Measuring, ${count(steps)} rounds`, 'rounds');
    try {
      bench = new Bench(plan, databases, () => progress.add(1));
      await Promise.race([
        measureAll(bench, only, (result) => results.push(result)),
        rejectWhen(interrupted),
      ]);
    } finally {
      progress.end();
    }
  } finally {
    if (results.length > 0) await report(results, environmentOf(plan, uri), json);
    await bench?.close();
    await databases.close();
  }
  process.stdout.write(`Done in ${secondsSince(startedAt)}.\n`);
}

export async function main(args: string[]): Promise<void> {
  await runCommand({ name: 'bench', help: HELP, read: () => readArguments(args), run: measure });
}

if (isCommand(import.meta.filename)) void main(process.argv.slice(2));
