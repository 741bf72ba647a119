import type { Bench } from './bench.ts';
import type { PartResult, Row, Spread } from './figures.ts';
import type { DatabaseName } from './fill.ts';
import type { BenchPlan } from './plan.ts';

/** A part of the bench: compares variants, and returns goals with the measured figures. */
export interface Part {
  /** Name by which `--only` selects the part. */
  name: string;
  databases: DatabaseName[];
  /** Returns how often the part calls bench.step(). */
  steps: (plan: BenchPlan) => number;
  run: (bench: Bench) => Promise<PartResult>;
}

/** A goal that the measured value must reach or exceed, and one that it must not exceed. */
export const least = (value: number) => ({ least: value });
export const most = (value: number) => ({ most: value });

/** Creates rows for ratios (unit ×) that were all measured on the same work. */
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
