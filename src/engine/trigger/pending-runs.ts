/** Delay before a run is read again after a failure that may concern only this run. */
const AFTER_FAILURE_MS = 20_000;
/** How long to ignore a run that Trigger.dev does not find, or that belongs to no task. */
const IGNORED_MS = 600_000;

/** A run whose details must be read. */
export interface PendingRun {
  /** The run's id at Trigger.dev. */
  id: string;
  createdAt: Date;
  updatedAt: Date;
  /** The id of the stored run, if it is known to differ. */
  storedId?: string;
}

interface Entry extends PendingRun {
  /** When the run became pending, on the monotonic clock. */
  sinceMs: number;
  retryAtMs: number;
  failures: number;
  problem?: string;
}
export type { Entry as PendingEntry };

/** The runs whose details must be read, in memory. */
export class PendingRuns {
  readonly #entries = new Map<string, Entry>();
  /** When each ignored run is accepted again, by id. */
  readonly #ignoredUntilMs = new Map<string, number>();
  readonly #nowMs: () => number;

  /** @param nowMs - returns the time of a monotonic clock */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Adds a run, or notes that a pending one has changed. */
  add(run: PendingRun): void {
    const nowMs = this.#nowMs();
    if ((this.#ignoredUntilMs.get(run.id) ?? -Infinity) > nowMs) return;
    const known = this.#entries.get(run.id);
    if (known && known.updatedAt >= run.updatedAt) return;
    const fresh = { sinceMs: nowMs, retryAtMs: -Infinity, failures: 0 };
    // A new object: `remove` must keep it if the details of the former state are being read.
    this.#entries.set(run.id, { ...fresh, ...known, ...run });
  }

  /**
   * Returns up to `limit` runs that are not waiting after a failure, oldest first. Those that failed before come last:
   * each failure ends a pass.
   */
  oldest(limit: number): Entry[] {
    const nowMs = this.#nowMs();
    return [...this.#entries.values()]
      .filter(({ retryAtMs }) => retryAtMs <= nowMs)
      .toSorted(
        (one, other) =>
          Number(one.failures > 0) - Number(other.failures > 0) ||
          one.createdAt.getTime() - other.createdAt.getTime(),
      )
      .slice(0, limit);
  }

  /** Removes a run unless it has changed since. */
  remove(entry: Entry): void {
    if (this.#entries.get(entry.id) === entry) this.#entries.delete(entry.id);
  }

  /** Removes a run, and does not accept it again for ten minutes. */
  ignore(entry: Entry): void {
    const nowMs = this.#nowMs();
    this.#entries.delete(entry.id);
    // The map is ordered by these instants.
    for (const [id, untilMs] of this.#ignoredUntilMs) {
      if (untilMs > nowMs) break;
      this.#ignoredUntilMs.delete(id);
    }
    this.#ignoredUntilMs.set(entry.id, nowMs + IGNORED_MS);
  }

  postpone(entry: Entry, problem: string): void {
    entry.failures += 1;
    entry.problem = problem;
    entry.retryAtMs = this.#nowMs() + AFTER_FAILURE_MS;
  }

  /** Returns when the oldest run was created, when the longest waiting one was added, and a run's problem. */
  summary(): { createdAt: Date | undefined; sinceMs: number | undefined; problem: string | undefined } {
    let createdAt: Date | undefined;
    let sinceMs: number | undefined;
    let problem: string | undefined;
    for (const entry of this.#entries.values()) {
      if (!createdAt || entry.createdAt < createdAt) createdAt = entry.createdAt;
      sinceMs = Math.min(sinceMs ?? Infinity, entry.sinceMs);
      problem ??= entry.problem;
    }
    return { createdAt, sinceMs, problem };
  }
}
