import { type ScheduleFields, TriggerFailure } from './api.ts';

/** Number of refusals with the same message after which further calls are pointless. */
const ENOUGH = 3;

/** Whether a call with this value would probably be refused: this value was refused before, or ENOUGH others were. */
const isBlamed = (values: Set<string>, value: string) => values.size >= ENOUGH || values.has(value);

/**
 * Skips calls that Trigger.dev would probably refuse like the previous ones, e.g. at its limit of schedules. The cause
 * may also be a cron expression or a time zone, so a few calls with other values are still made.
 */
export class Refusals {
  #message = '';
  #count = 0;
  readonly #crons = new Set<string>();
  readonly #timezones = new Set<string>();

  /** @throws TriggerFailure if the call fails or is skipped */
  async guard<Result>({ cron, timezone }: ScheduleFields, call: () => Promise<Result>): Promise<Result> {
    if (this.#count >= ENOUGH && isBlamed(this.#crons, cron) && isBlamed(this.#timezones, timezone))
      throw new TriggerFailure('refused', this.#message);
    try {
      const result = await call();
      this.#forget();
      return result;
    } catch (error) {
      if (error instanceof TriggerFailure && error.kind === 'refused') {
        if (error.message !== this.#message) this.#forget();
        this.#message = error.message;
        this.#count += 1;
        this.#crons.add(cron);
        this.#timezones.add(timezone);
      }
      throw error;
    }
  }

  #forget(): void {
    this.#count = 0;
    this.#crons.clear();
    this.#timezones.clear();
  }
}
