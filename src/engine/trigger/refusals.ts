import { type ScheduleFields, TriggerFailure } from './api.ts';

/** Number of refusals with the same message after which further calls are pointless. */
const ENOUGH = 3;

/** Whether a value, or any value, leads to the refusal. */
const isBlamed = (values: Set<string>, value: string) => values.size >= ENOUGH || values.has(value);

/**
 * Spares calls that Trigger.dev would refuse for the same reason as the calls before, such as its limit of schedules.
 * A refusal may be due to a cron expression or a time zone, so schedules with others are still tried.
 */
export class Refusals {
  #message = '';
  #count = 0;
  readonly #crons = new Set<string>();
  readonly #timezones = new Set<string>();

  /** Makes a call unless it would be refused. @throws TriggerFailure, also for a call that is not made */
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
