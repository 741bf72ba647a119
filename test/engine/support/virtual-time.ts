import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../../src/engine/port.ts';

/** Turns of the event loop after which all pending work has run. */
const QUIET_TURNS = 3;

interface Timer {
  atMs: number;
  order: number;
  run: () => void;
}

/** Time that passes only when a test lets it, for any number of processes. */
export class VirtualTime {
  ms = 0;
  #timers: Timer[] = [];
  #order = 0;
  #pending = 0;
  readonly #quietTurns: number;
  readonly #tickMs: number | undefined;

  /** @param options.tickMs - rounds timers up to multiples of it, so that many fire in one turn */
  constructor({ quietTurns = QUIET_TURNS, tickMs }: { quietTurns?: number; tickMs?: number } = {}) {
    this.#quietTurns = quietTurns;
    this.#tickMs = tickMs;
  }

  /** Timers that have neither fired nor been canceled. */
  get timers(): number {
    return this.#timers.length;
  }

  /** @returns cancels the timer */
  at(wantedMs: number, run: () => void): () => void {
    const atMs = this.#tickMs === undefined ? wantedMs : Math.ceil(wantedMs / this.#tickMs) * this.#tickMs;
    const timer = { atMs, order: (this.#order += 1), run };
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#timers[middle]?.atMs ?? Infinity) <= atMs) low = middle + 1;
      else high = middle;
    }
    this.#timers.splice(low, 0, timer);
    return () => {
      const found = this.#timers.indexOf(timer);
      if (found !== -1) this.#timers.splice(found, 1);
    };
  }

  /** Waits for real work, such as that of a database, before time passes. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#pending += 1;
    try {
      return await work();
    } finally {
      this.#pending -= 1;
    }
  }

  /** Resolves when no work is left that can run before time passes. */
  async quiet(): Promise<void> {
    for (let turns = 0; turns < this.#quietTurns; turns += 1) {
      await turn();
      if (this.#pending > 0) turns = -1;
    }
  }

  /** Lets time pass, and all timers fire in their order. */
  async pass(ms: number): Promise<void> {
    const until = this.ms + ms;
    await this.quiet();
    for (;;) {
      const next = this.#timers[0];
      if (!next || next.atMs > until) break;
      this.#timers.shift();
      this.ms = Math.max(this.ms, next.atMs);
      next.run();
      if (this.#tickMs === undefined || this.#timers[0]?.atMs !== next.atMs) await this.quiet();
    }
    this.ms = until;
  }
}

/** The clock of one process, whose wall clock can be set. */
export class ProcessClock implements Clock {
  readonly #time: VirtualTime;
  readonly #run: (callback: () => void) => void;
  #wallMs: number;

  /** @param run - runs a callback, unless the process is dead, or when it goes on */
  constructor(
    time: VirtualTime,
    start: Date,
    run: (callback: () => void) => void = (callback) => callback(),
  ) {
    this.#time = time;
    this.#wallMs = start.getTime() - time.ms;
    this.#run = run;
  }

  now(): Date {
    return new Date(this.#wallMs + this.#time.ms);
  }

  monotonicMs(): number {
    return this.#time.ms;
  }

  setTimeout(callback: () => void, ms: number): () => void {
    return this.#time.at(this.#time.ms + Math.max(0, ms), () => this.#run(callback));
  }

  /** Sets the wall clock forward or back. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }
}
