/** Median and range of a quantity over all rounds. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** Results of one variant in one round. `MB` is 10⁶ bytes, `MiB` is 2²⁰. */
export interface Round {
  requestsPerSecond: number;
  megabytesPerSecond: number;
  /** CPU of the whole server process, including the embedded database. */
  cpuMsPerRequest: number;
  p50Ms: number;
  p99Ms: number;
  firstByteMs: number;
  /** Peak memory of the server process. On Linux, excludes mapped files. */
  peakMebibytes: number;
  /** CPU of the load generator, in cores. Near 1, the generator is the bottleneck. */
  generatorCores: number;
}

export interface VariantFigures {
  part: string;
  name: string;
  bytesPerReply: number;
  rounds: Round[];
}

/** A goal and the measured figure that is compared with it. */
export interface Row {
  part: string;
  work: string;
  /** The compared quantity, such as "requests/s of (a)". */
  measure: string;
  target: { least: number } | { most: number };
  unit: '×' | 'ms' | 'µs' | 'MB' | '%' | 'runs/s';
  /** The measured figure; undefined if the service cannot do the work, as `note` then explains. */
  measured: Spread | undefined;
  note?: string;
}

export interface PartResult {
  rows: Row[];
  variants: VariantFigures[];
  notes: string[];
}

export function spreadOf(numbers: number[]): Spread {
  const sorted = numbers.toSorted((one, other) => one - other);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  return {
    median: middle.reduce((sum, number) => sum + number, 0) / middle.length,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  };
}

/**
 * Returns the ratio of a quantity of one variant to that of another. Computed round by round, so that a disturbance of
 * the machine affects both variants.
 */
export function ratioOf(one: VariantFigures, other: VariantFigures, quantity: keyof Round): Spread {
  return spreadOf(
    one.rounds.map((round, index) => round[quantity] / (other.rounds[index]?.[quantity] ?? Number.NaN)),
  );
}

/** Whether the median of the measured figure meets the goal; undefined if it was not measured. */
export function isMet({ target, measured }: Row): boolean | undefined {
  if (!measured) return undefined;
  return 'least' in target ? measured.median >= target.least : measured.median <= target.most;
}
