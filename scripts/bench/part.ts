import type { Bench } from './bench.ts';
import type { PartResult, Row, Spread } from './figures.ts';
import type { DatabaseName } from './fill.ts';
import type { BenchPlan } from './plan.ts';

/** A part of the bench: variants that are measured in one another's company, and the figures that follow. */
export interface Part {
  /** For --only. */
  name: string;
  databases: DatabaseName[];
  /** How often it calls bench.step(). */
  steps: (plan: BenchPlan) => number;
  run: (bench: Bench) => Promise<PartResult>;
}

/** A row's target: at least, or at most. */
export const least = (value: number) => ({ least: value });
export const most = (value: number) => ({ most: value });

/** Rows of one piece of work, in factors. */
export function rowsOf(
  part: string,
  work: string,
  factors: [measure: string, target: Row['target'], measured: Spread | undefined, note?: string][],
): Row[] {
  return factors.map(([measure, target, measured, note]) => ({
    part,
    work,
    measure,
    target,
    unit: '×',
    measured,
    ...(note !== undefined && { note }),
  }));
}
