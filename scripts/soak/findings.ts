export type Severity = 'lost' | 'wrong' | 'hung';

export interface Finding {
  severity: Severity;
  what: string;
  /** Requests and replies about the affected task, oldest first. */
  history: readonly string[];
}

/** Maximum number of findings that are kept. Others are only counted, because one bug can cause thousands. */
const MAX_KEPT = 200;

/**
 * Collects findings: lost acknowledged writes, wrong data or replies, and hung requests or processes.
 */
export class Findings {
  readonly kept: Finding[] = [];
  readonly counts: Record<Severity, number> = { lost: 0, wrong: 0, hung: 0 };

  add(severity: Severity, what: string, history: readonly string[] = []): void {
    this.counts[severity] += 1;
    if (this.kept.length < MAX_KEPT) this.kept.push({ severity, what, history: [...history] });
  }

  get total(): number {
    return this.counts.lost + this.counts.wrong + this.counts.hung;
  }
}
