import type { Bench } from './bench.ts';
import type { PartResult, Row, Spread } from './figures.ts';
import type { DatabaseName } from './fill.ts';
import type { BenchPlan } from './plan.ts';

/** A bench part: variants that are measured together, and the resulting rows. */
export interface Part {
  /** Name for --only. */
  name: string;
  databases: DatabaseName[];
  /** How often the part calls bench.step(). */
  steps: (plan: BenchPlan) => number;
  run: (bench: Bench) => Promise<PartResult>;
}

/** Goals: at least, or at most, a value. */
export const least = (value: number) => ({ least: value });
export const most = (value: number) => ({ most: value });

/** Creates rows of ratios for one piece of work. */
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
