import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';

/** An injected fault. Each target is `database` or the name of an instance. Times are those of performance.now(). */
export interface Fault {
  kind: string;
  targets: readonly string[];
  from: number;
  /** End of the fault; Infinity while the fault lasts. */
  to: number;
}

/** Time after the end of a fault for which the fault still explains errors. */
const GRACE_MS = 3_000;
const TICK_MS = 200;

/** If a small write to the disk takes longer than this, other programs keep the disk busy. */
const DISK_MS = 400;

/**
 * Records the injected faults, which explain errors of the service. Measures time limits in ticks of a timer, and
 * skips ticks while a small write to the disk is slow. A stall of the machine itself therefore does not make a request
 * late.
 */
export class FaultLog {
  readonly faults: Fault[] = [];
  #calmTicks = 0;
  readonly #listeners = new Set<() => void>();
  readonly #timer = setInterval(() => this.#tick(), TICK_MS);
  readonly #probeFile: string;
  #probedAt: number | undefined;

  /** @param directory - folder for the file of the small writes; must be on the same disk as the database */
  constructor(directory: string) {
    this.#probeFile = join(directory, 'probe');
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  begin(kind: string, targets: readonly string[]): Fault {
    const fault: Fault = { kind, targets, from: performance.now(), to: Number.POSITIVE_INFINITY };
    this.faults.push(fault);
    return fault;
  }

  end(fault: Fault): void {
    fault.to = performance.now();
  }

  /** Total time in which no fault was active. */
  get calmMs(): number {
    return this.#calmTicks * TICK_MS;
  }

  isActive(targets?: readonly string[]): boolean {
    return this.faults.some((fault) => fault.to === Number.POSITIVE_INFINITY && concerns(fault, targets));
  }

  /** Whether a fault of one of the targets explains an error that occurred between `from` and `to`. */
  explains(targets: readonly string[], from: number, to: number): boolean {
    return this.overlaps(targets, from - GRACE_MS, to);
  }

  /** Whether one of the targets had a fault at any time between `from` and `to`. */
  overlaps(targets: readonly string[], from: number, to: number): boolean {
    return this.faults.some((fault) => fault.from <= to && fault.to >= from && concerns(fault, targets));
  }

  /** Factor by which time limits are extended while the machine is overloaded; at least 1. */
  get slowness(): number {
    const [load = 0] = loadavg();
    return Math.max(1, load / (2 * availableParallelism()));
  }

  /**
   * Calls `onLimit` once `limitMs`, extended on an overloaded machine, has passed without a fault of the targets.
   * @returns a function that cancels the call
   */
  after(limitMs: number, targets: readonly string[], onLimit: () => void): () => void {
    let left = Math.ceil((limitMs * this.slowness) / TICK_MS) + 1;
    const onTick = () => {
      if (this.isActive(targets)) return;
      left -= 1;
      if (left > 0) return;
      this.#listeners.delete(onTick);
      onLimit();
    };
    this.#listeners.add(onTick);
    return () => this.#listeners.delete(onTick);
  }

  #tick(): void {
    if (this.#probedAt === undefined) void this.#probe();
    else if (performance.now() - this.#probedAt > DISK_MS) return;
    if (!this.isActive()) this.#calmTicks += 1;
    for (const listener of this.#listeners) listener();
  }

  async #probe(): Promise<void> {
    this.#probedAt = performance.now();
    try {
      await writeFile(this.#probeFile, 'probe', { flush: true });
    } finally {
      this.#probedAt = undefined;
    }
  }
}

function concerns(fault: Fault, targets: readonly string[] | undefined): boolean {
  return targets === undefined || fault.targets.some((target) => targets.includes(target));
}
