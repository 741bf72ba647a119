/** A quantity over all rounds. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** What one variant did in one round. */
export interface Round {
  requestsPerSecond: number;
  megabytesPerSecond: number;
  /** Of the whole process of the server, the embedded database included. */
  cpuMsPerRequest: number;
  p50Ms: number;
  p99Ms: number;
  firstByteMs: number;
  /** The server's own memory, at most. */
  peakMebibytes: number;
  /** The share of a core that the load generator took: near 1, it is what was measured. */
  generatorCores: number;
}

/** What a variant did in all rounds. */
export interface VariantFigures {
  part: string;
  name: string;
  bytesPerReply: number;
  rounds: Round[];
}

/** One of the figures to reach. */
export interface Row {
  part: string;
  work: string;
  /** What is compared, such as "requests/s of (a)". */
  measure: string;
  target: { least: number } | { most: number };
  unit: '×' | 'ms' | 'µs' | 'MB' | '%' | 'runs/s';
  /** Undefined where the service cannot do it, which `note` says. */
  measured: Spread | undefined;
  note?: string;
}

/** What a part of the bench found out. */
export interface PartResult {
  rows: Row[];
  variants: VariantFigures[];
  notes: string[];
}

/** The median of some numbers, and the least and the greatest of them. */
export function spreadOf(numbers: number[]): Spread {
  const sorted = numbers.toSorted((one, other) => one - other);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  return {
    median: middle.reduce((sum, number) => sum + number, 0) / middle.length,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  };
}

/** How many times a quantity of one variant is that of another, round by round: what disturbed a round disturbed both. */
export function ratioOf(one: VariantFigures, other: VariantFigures, quantity: keyof Round): Spread {
  return spreadOf(
    one.rounds.map((round, index) => round[quantity] / (other.rounds[index]?.[quantity] ?? Number.NaN)),
  );
}

/** Whether a figure is reached; undefined where it was not measured. */
export function isMet({ target, measured }: Row): boolean | undefined {
  if (!measured) return undefined;
  return 'least' in target ? measured.median >= target.least : measured.median <= target.most;
}
