/** Delay before a run is read again after a failure that may concern only this run. */
const AFTER_FAILURE_MS = 20_000;
/** How long to ignore a run that Trigger.dev does not find, or that belongs to no task. */
const IGNORED_MS = 600_000;

/** A run at Trigger.dev whose details have not been read yet. */
export interface PendingRun {
  /** The run's id at Trigger.dev. */
  id: string;
  createdAt: Date;
  updatedAt: Date;
  /** The run's id in this database, if it is known to differ from `id`. */
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

/** Keeps in memory the runs at Trigger.dev whose details have not been read yet. */
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

  /** Adds a run, or replaces a pending run that has changed. */
  add(run: PendingRun): void {
    const nowMs = this.#nowMs();
    if ((this.#ignoredUntilMs.get(run.id) ?? -Infinity) > nowMs) return;
    const known = this.#entries.get(run.id);
    if (known && known.updatedAt >= run.updatedAt) return;
    const fresh = { sinceMs: nowMs, retryAtMs: -Infinity, failures: 0 };
    // Add a new object. If the details of the former state are being read, `remove` then keeps the new object.
    this.#entries.set(run.id, { ...fresh, ...known, ...run });
  }

  /**
   * Returns up to `limit` runs that are not waiting after a failure, oldest first. Runs with an earlier failure come
   * last, because each failure ends a pass.
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

  /** Removes an entry unless `add` has replaced it because the run has changed. */
  remove(entry: Entry): void {
    if (this.#entries.get(entry.id) === entry) this.#entries.delete(entry.id);
  }

  /** Removes a run, and does not accept it again for ten minutes. */
  ignore(entry: Entry): void {
    const nowMs = this.#nowMs();
    this.#entries.delete(entry.id);
    // The entries of the map are in ascending order of these instants.
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

  /** Returns the earliest `createdAt`, the earliest `sinceMs`, and the problem of any one run. */
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
