import type { Run, RunStatus } from '../../generated/types.gen.ts';
import { finalStatuses, stepOf } from '../../src/store/run-status.ts';

/** A report of a run's state, as a client sent it. */
export interface Report {
  /** A unique text that the report carries in the run's field `version`. */
  mark: string;
  status: RunStatus;
  updatedAt: string;
  sentAt: number;
  /** Time at which the report was first acknowledged; undefined if it was not. */
  ackedAt: number | undefined;
}

/** The interval from sending a request to receiving its reply, in milliseconds of performance.now(). */
export interface ReadInterval {
  from: number;
  to: number;
}

const finals: readonly RunStatus[] = finalStatuses;

/** Records the reports of a run, and derives what clients may see of it. */
export class RunModel {
  readonly id: string;
  readonly createdAt: string;
  readonly reports = new Map<string, Report>();
  /** Time of the first acknowledgment of any report of the run. */
  ackedAt: number | undefined;
  #seen: { updatedAt: string; status: RunStatus; at: number } | undefined;

  constructor(id: string, createdAt: string) {
    this.id = id;
    this.createdAt = createdAt;
  }

  acknowledge(mark: string, at: number): void {
    const report = this.reports.get(mark);
    if (report) report.ackedAt ??= at;
    this.ackedAt ??= at;
  }

  /** Explains how a run in a reply contradicts the reports; undefined if it does not. */
  problemOf(run: Run, { from, to }: ReadInterval): string | undefined {
    const shown = this.reports.get(run.version ?? '');
    if (!shown || shown.sentAt > to) return `run ${run.id} shows a report that nobody sent: ${run.version}`;
    if (shown.status !== run.status || shown.updatedAt !== run.updatedAt || run.createdAt !== this.createdAt)
      return `run ${run.id} mixes reports: ${JSON.stringify(run)}`;
    for (const report of this.reports.values()) {
      if (report.ackedAt === undefined || report.ackedAt >= from) continue;
      if (!isConsistentWith(shown, report))
        return `run ${run.id} shows ${shown.mark}, though ${report.mark} was acknowledged and is newer`;
    }
    return this.#compareWithSeen(shown, { from, to });
  }

  /** Checks that a read that started after another had ended sees the same or a later state, on any instance. */
  #compareWithSeen({ mark, status, updatedAt }: Report, { from, to }: ReadInterval): string | undefined {
    const seen = this.#seen;
    if (seen && seen.at < from) {
      if (updatedAt < seen.updatedAt)
        return `run ${this.id} went back from ${seen.updatedAt} to ${updatedAt}, with ${mark}`;
      if (finals.includes(seen.status) && status !== seen.status)
        return `run ${this.id} left the final status ${seen.status} for ${status}, with ${mark}`;
    }
    if (!seen || updatedAt > seen.updatedAt) this.#seen = { updatedAt, status, at: to };
    return undefined;
  }
}

/**
 * Whether a run may have this state after a report was acknowledged: the state comes from that report or a later one,
 * or it is final, and the report therefore could not replace it.
 */
function isConsistentWith(state: Report, report: Report): boolean {
  if (state.mark === report.mark || state.updatedAt > report.updatedAt) return true;
  if (state.updatedAt === report.updatedAt && stepOf(state.status) >= stepOf(report.status)) return true;
  return finals.includes(state.status) && state.status !== report.status;
}
