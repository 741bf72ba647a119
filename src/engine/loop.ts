import type { Clock } from './port.ts';

/** Delay between a failed pass and the next pass. */
const AFTER_FAILURE_MS = 2_000;

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  setTimeout: (callback, ms) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

export async function pause(clock: Clock, ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    clock.setTimeout(resolve, ms);
  });
}

/** Repeats a pass, never two at once. Each pass returns the delay before the next pass; `wake` skips the delay. */
export class Loop {
  readonly #clock: Clock;
  readonly #pass: () => Promise<number>;
  readonly #onError: (error: unknown) => void;
  #cancelTimer = () => {};
  #current: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  /** @param pass - resolves to the milliseconds until the next pass */
  constructor(clock: Clock, pass: () => Promise<number>, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#pass = pass;
    this.#onError = onError;
  }

  /** Starts a pass now, or as soon as the current pass has ended. */
  wake(): void {
    if (this.#stopped) return;
    this.#cancelTimer();
    this.#again = true;
    this.#current ??= this.#run();
  }

  /** Prevents further passes. Resolves when the current pass has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    await this.#current;
  }

  async #run(): Promise<void> {
    let nextMs = AFTER_FAILURE_MS;
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        nextMs = await this.#pass();
      } catch (error) {
        nextMs = AFTER_FAILURE_MS;
        this.#onError(error);
      }
    }
    this.#current = undefined;
    if (!this.#stopped) this.#cancelTimer = this.#clock.setTimeout(() => this.wake(), nextMs);
  }
}
