import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';

/** A fault and its targets: the database, or an instance of the service by name. */
export interface Fault {
  kind: string;
  targets: readonly string[];
  from: number;
  /** Infinity while the fault lasts. */
  to: number;
}

/** How long after its end a fault may still cause errors. */
const GRACE_MS = 3_000;
const TICK_MS = 200;

/** Time limit of a small write to the disk. A slower one means that others keep the disk busy. */
const DISK_MS = 400;

/**
 * Records the injected faults, and thus which errors are expected. Time limits count ticks of a timer, and only while a
 * small write reaches the disk. Time during which the machine itself stalls therefore does not count for a request.
 */
export class FaultLog {
  readonly faults: Fault[] = [];
  /** Ticks without any fault. */
  #calmTicks = 0;
  readonly #listeners = new Set<() => void>();
  readonly #timer = setInterval(() => this.#tick(), TICK_MS);
  readonly #probeFile: string;
  #probedAt: number | undefined;

  /** @param directory - on the same disk as the database */
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

  /** Total time without any fault. */
  get calmMs(): number {
    return this.#calmTicks * TICK_MS;
  }

  isActive(targets?: readonly string[]): boolean {
    return this.faults.some((fault) => fault.to === Number.POSITIVE_INFINITY && concerns(fault, targets));
  }

  /** Whether a fault of one of the targets explains an error between two instants. */
  explains(targets: readonly string[], from: number, to: number): boolean {
    return this.overlaps(targets, from - GRACE_MS, to);
  }

  /** Whether one of the targets had a fault at any time between two instants. */
  overlaps(targets: readonly string[], from: number, to: number): boolean {
    return this.faults.some((fault) => fault.from <= to && fault.to >= from && concerns(fault, targets));
  }

  /** Factor by which an overloaded machine slows everything down; at least 1. */
  get slowness(): number {
    const [load = 0] = loadavg();
    return Math.max(1, load / (2 * availableParallelism()));
  }

  /**
   * Calls back when this much time has passed without a fault of the targets.
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
