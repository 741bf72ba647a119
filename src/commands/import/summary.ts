import { count } from '../command-line.ts';
import type { Figures, Group } from './figures.ts';

function named({ ids, count: all }: Group): string {
  const more = all - ids.length;
  return `${ids.join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`;
}

const things = (number: number, thing: string): string =>
  `${count(number)} ${thing}${number === 1 ? '' : 's'}`;

/** Returns a heading, then the given lines indented; nothing if there are no lines. */
function list(heading: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : [heading, ...lines.map((line) => `  ${line}`)];
}

function switchOver({ waiting }: Figures): string[] {
  if (waiting === 0) return [];
  return [
    `${things(waiting, 'task')} enabled at the source ${waiting === 1 ? 'is' : 'are'} disabled here. To switch over:`,
    '  1. Stop the engine at the source, but leave the tasks enabled there.',
    '  2. Repeat the command with --enabled. It copies later changes and enables these tasks here.',
  ];
}

/** Returns the summary of an import, as lines for the user. */
export function describe(figures: Figures, { dryRun, took }: { dryRun: boolean; took: string }): string[] {
  const { tasks, runs, skipped, neverFiring, disabledHere } = figures;
  const kinds = Object.entries(skipped).flatMap(([kind, reasons]) =>
    [...reasons].map(([reason, group]) => `${things(group.count, kind)}: ${reason}: ${named(group)}`),
  );
  return [
    dryRun
      ? `Dry run, nothing was written. An import would do this (read in ${took}):`
      : `Imported in ${took}:`,
    `  tasks: ${count(tasks.added)} added, ${count(tasks.changed)} changed, ${count(tasks.same)} unchanged, ${count(tasks.kept)} kept because they are newer here`,
    `  runs: ${count(runs.recorded)} recorded, ${count(runs.same)} already here`,
    ...list('Not imported:', kinds),
    ...list(
      'Imported, but these tasks never fire here:',
      [...neverFiring].map(([reason, group]) => `${reason}: ${named(group)}`),
    ),
    ...list(
      'Enabled at the source, but changed here later, so --enabled leaves them disabled; enable them here yourself:',
      disabledHere.count === 0 ? [] : [named(disabledHere)],
    ),
    ...switchOver(figures),
  ];
}
