/** Median and range of a quantity over all rounds. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** Results of one variant in one round. */
export interface Round {
  requestsPerSecond: number;
  megabytesPerSecond: number;
  /** CPU of the whole server process, including the embedded database. */
  cpuMsPerRequest: number;
  p50Ms: number;
  p99Ms: number;
  firstByteMs: number;
  /** Peak of the server's own memory. */
  peakMebibytes: number;
  /** CPU of the load generator, in cores. Near 1, the generator is the bottleneck. */
  generatorCores: number;
}

/** Results of a variant in all rounds. */
export interface VariantFigures {
  part: string;
  name: string;
  bytesPerReply: number;
  rounds: Round[];
}

/** A goal with its measured figure. */
export interface Row {
  part: string;
  work: string;
  /** The compared quantity, such as "requests/s of (a)". */
  measure: string;
  target: { least: number } | { most: number };
  unit: '×' | 'ms' | 'µs' | 'MB' | '%' | 'runs/s';
  /** Undefined if the service cannot do it; `note` explains why. */
  measured: Spread | undefined;
  note?: string;
}

/** Results of a bench part. */
export interface PartResult {
  rows: Row[];
  variants: VariantFigures[];
  notes: string[];
}

/** Returns the median, minimum and maximum of some numbers. */
export function spreadOf(numbers: number[]): Spread {
  const sorted = numbers.toSorted((one, other) => one - other);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  return {
    median: middle.reduce((sum, number) => sum + number, 0) / middle.length,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  };
}

/** Returns the ratio of a quantity between two variants, round by round, so that a disturbance affects both sides. */
export function ratioOf(one: VariantFigures, other: VariantFigures, quantity: keyof Round): Spread {
  return spreadOf(
    one.rounds.map((round, index) => round[quantity] / (other.rounds[index]?.[quantity] ?? Number.NaN)),
  );
}

/** Whether a goal is met; undefined if it was not measured. */
export function isMet({ target, measured }: Row): boolean | undefined {
  if (!measured) return undefined;
  return 'least' in target ? measured.median >= target.least : measured.median <= target.most;
}
