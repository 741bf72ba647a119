import type { Clock } from '../port.ts';

/** Maximum requests in a window. Servers allow 250 (the cloud: 1,500 a minute), but other clients need some of that. */
const REQUESTS = 200;
const WINDOW_MS = 10_000;

/** A `details` request starts only if no `first` request waits. */
export type Priority = 'first' | 'details';

interface Waiting {
  start: () => void;
  end: (reason: unknown) => void;
}

/** Limits the rate of requests. Starts waiting requests by priority, then in order of arrival. */
export class RequestBudget {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #waiting: Record<Priority, Waiting[]> = { first: [], details: [] };
  /** When the last requests started, at most REQUESTS, oldest first. */
  readonly #startsMs: number[] = [];
  #pausedUntilMs = -Infinity;
  #cancelTimer = () => {};

  /** @param signal - when aborted, rejects all waiting requests */
  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#end(), { once: true });
  }

  /** Resolves when a request may start. */
  async take(priority: Priority): Promise<void> {
    this.#signal.throwIfAborted();
    await new Promise<void>((start, end) => {
      this.#waiting[priority].push({ start, end });
      this.#serve();
    });
  }

  /** Delays all further requests by at least this long. */
  pause(ms: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#clock.monotonicMs() + ms);
    this.#serve();
  }

  #serve(): void {
    this.#cancelTimer();
    const { first, details } = this.#waiting;
    while (first.length + details.length > 0) {
      const nowMs = this.#clock.monotonicMs();
      const freeAtMs =
        this.#startsMs.length < REQUESTS ? -Infinity : (this.#startsMs[0] ?? -Infinity) + WINDOW_MS;
      const waitMs = Math.max(freeAtMs, this.#pausedUntilMs) - nowMs;
      if (waitMs > 0) {
        this.#cancelTimer = this.#clock.setTimeout(() => this.#serve(), waitMs);
        return;
      }
      this.#startsMs.push(nowMs);
      if (this.#startsMs.length > REQUESTS) this.#startsMs.shift();
      (first.shift() ?? details.shift())?.start();
    }
  }

  #end(): void {
    this.#cancelTimer();
    const { first, details } = this.#waiting;
    for (const { end } of [...first.splice(0), ...details.splice(0)]) end(this.#signal.reason);
  }
}
