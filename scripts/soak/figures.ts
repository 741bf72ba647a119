const OUTCOMES = ['2xx', '304', '4xx', '503', 'cut', 'no connection', 'left', 'hung', 'other'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export class Figures {
  readonly requests = new Map<string, Record<Outcome, number>>();
  readonly faults = new Map<string, number>();
  readonly peakMebibytes = new Map<string, number>();
  /**
   * Number of jobs that the receiver answered with 202, and how many of them were polled both before and after a fault.
   */
  followed: { followed: number; throughFaults: number } | undefined;
  /** Number of replies whose ETag changed although the body did not. */
  needlessTags = 0;
  slowestMs = 0;
  /** Maximum factor by which load on the machine extended the time limit of requests. */
  slowness = 1;

  countRequest(kind: string, outcome: Outcome): void {
    const row = this.requests.get(kind) ?? emptyRow();
    row[outcome] += 1;
    this.requests.set(kind, row);
  }

  countFault(kind: string): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
  }

  notePeak(process: string, mebibytes: number): void {
    this.peakMebibytes.set(process, Math.max(mebibytes, this.peakMebibytes.get(process) ?? 0));
  }

  get totalRequests(): number {
    return [...this.requests.values()].flatMap((row) => Object.values(row)).reduce((sum, n) => sum + n, 0);
  }

  get totalFaults(): number {
    return [...this.faults.values()].reduce((sum, n) => sum + n, 0);
  }

  /** Formats the numbers of requests as a table with a row per kind and a column per outcome. */
  table(): string {
    const shown = OUTCOMES.filter((outcome) => [...this.requests.values()].some((row) => row[outcome] > 0));
    const rows = [...this.requests].toSorted(([one], [other]) => (one < other ? -1 : 1));
    const lines = [
      ['requests', ...shown],
      ...rows.map(([kind, row]) => [kind, ...shown.map((outcome) => String(row[outcome]))]),
    ];
    return lines
      .map(([first = '', ...cells]) => first.padEnd(24) + cells.map((cell) => cell.padStart(14)).join(''))
      .join('\n');
  }
}

function emptyRow(): Record<Outcome, number> {
  return {
    '2xx': 0,
    '304': 0,
    '4xx': 0,
    '503': 0,
    cut: 0,
    'no connection': 0,
    left: 0,
    hung: 0,
    other: 0,
  };
}
