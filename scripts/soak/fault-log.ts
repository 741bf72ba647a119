import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';

/** What a fault hit: the database, or an instance of the service by its name. */
export interface Fault {
  kind: string;
  targets: readonly string[];
  from: number;
  /** Infinity while it lasts. */
  to: number;
}

/** An error that a fault caused may show this long after it ended. */
const GRACE_MS = 3_000;
const TICK_MS = 200;

/** Writing a few bytes to the disk takes less than this, unless others keep it busy. */
const DISK_MS = 400;

/**
 * When what was broken on purpose, and so which errors are to be expected. Time is counted in ticks of a timer, and only
 * while a small write gets through to the disk, so that it does not count as time that a request took when the machine
 * itself has none for it.
 */
export class FaultLog {
  readonly faults: Fault[] = [];
  /** Ticks in which nothing was broken. */
  #calmTicks = 0;
  readonly #listeners = new Set<() => void>();
  readonly #timer = setInterval(() => this.#tick(), TICK_MS);
  readonly #probeFile: string;
  #probedAt: number | undefined;

  /** @param directory - on the disk that the database is on */
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

  /** How long nothing has been broken, all periods together. */
  get calmMs(): number {
    return this.#calmTicks * TICK_MS;
  }

  isActive(targets?: readonly string[]): boolean {
    return this.faults.some((fault) => fault.to === Number.POSITIVE_INFINITY && concerns(fault, targets));
  }

  /** Whether a fault of one of the targets explains what happened between two instants. */
  explains(targets: readonly string[], from: number, to: number): boolean {
    return this.overlaps(targets, from - GRACE_MS, to);
  }

  /** Whether one of the targets was broken at any time between two instants. */
  overlaps(targets: readonly string[], from: number, to: number): boolean {
    return this.faults.some((fault) => fault.from <= to && fault.to >= from && concerns(fault, targets));
  }

  /** How many times longer anything takes because the machine has more to do than it can: 1 where it has not. */
  get slowness(): number {
    const [load = 0] = loadavg();
    return Math.max(1, load / (2 * availableParallelism()));
  }

  /**
   * Calls back when so much time has passed in which no target was broken.
   * @returns gives it up
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
