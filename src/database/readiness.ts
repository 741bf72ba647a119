import type { DatabaseWatch } from './watch.ts';
import { ApiError } from '../lib/errors.ts';
import { retrySoon } from '../lib/retry-after.ts';

/** Where the service is in its life. */
export class Readiness {
  readonly #database: DatabaseWatch;
  #phase: 'starting' | 'serving' | 'ending' = 'starting';

  constructor(database: DatabaseWatch) {
    this.#database = database;
  }

  /** Its operations are warm. */
  started(): void {
    this.#phase = 'serving';
  }

  /** It takes no more requests soon. */
  ending(): void {
    this.#phase = 'ending';
  }

  /**
   * Refuses what asks for tasks and runs before they can be told: without its indexes, the database would have to look
   * at all it has for each request.
   * @throws ApiError database_unavailable
   */
  async checkStarted(): Promise<void> {
    if (this.#phase !== 'starting') return;
    const problem = (await this.#database.answers())
      ? 'is still being prepared, for example with new indexes'
      : 'is unavailable';
    throw new ApiError('database_unavailable', `The database ${problem}. Try again shortly.`, {
      headers: retrySoon(),
    });
  }

  /** @throws ApiError not_ready, database_unavailable */
  async check(): Promise<void> {
    if (this.#phase === 'ending')
      throw new ApiError('not_ready', 'The service is shutting down.', { headers: retrySoon() });
    if (!(await this.#database.answers()))
      throw new ApiError('database_unavailable', 'The database is unavailable.', {
        headers: retrySoon(),
      });
    if (this.#phase === 'starting')
      throw new ApiError('not_ready', 'The service is starting.', { headers: retrySoon() });
  }
}
