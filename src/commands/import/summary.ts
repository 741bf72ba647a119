import { count } from '../command-line.ts';
import type { Figures, Group } from './figures.ts';

function named({ ids, count: all }: Group): string {
  const more = all - ids.length;
  return `${ids.join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`;
}

const things = (number: number, thing: string): string =>
  `${count(number)} ${thing}${number === 1 ? '' : 's'}`;

/** A heading and a line for each group; nothing if there is none. */
function list(heading: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : [heading, ...lines.map((line) => `  ${line}`)];
}

function switchOver({ waiting }: Figures): string[] {
  if (waiting === 0) return [];
  return [
    `${things(waiting, 'task')} enabled at the source ${waiting === 1 ? 'is' : 'are'} disabled here. To switch over:`,
    '  1. Stop what executes the tasks of the source, but do not disable the tasks there.',
    '  2. Repeat the command with --enabled. It copies what has changed since, and enables these tasks here.',
  ];
}

/** The summary of an import, as lines. */
export function describe(figures: Figures, { dryRun, took }: { dryRun: boolean; took: string }): string[] {
  const { tasks, runs, left, silent, disabledHere } = figures;
  const kinds = Object.entries(left).flatMap(([kind, reasons]) =>
    [...reasons].map(([reason, group]) => `${things(group.count, kind)}: ${reason}: ${named(group)}`),
  );
  return [
    dryRun ? `Nothing was written. An import would do this (read in ${took}):` : `Imported in ${took}:`,
    `  tasks: ${count(tasks.added)} added, ${count(tasks.changed)} changed, ${count(tasks.same)} were the same, ${count(tasks.kept)} kept because they are newer here`,
    `  runs: ${count(runs.recorded)} recorded, ${count(runs.same)} were here`,
    ...list('Not taken over:', kinds),
    ...list(
      'Taken over, but these tasks never fire here:',
      [...silent].map(([reason, group]) => `${reason}: ${named(group)}`),
    ),
    ...list(
      'Disabled here, enabled at the source, and newer here, so that --enabled leaves them; enable them here yourself:',
      disabledHere.count === 0 ? [] : [named(disabledHere)],
    ),
    ...switchOver(figures),
  ];
}
