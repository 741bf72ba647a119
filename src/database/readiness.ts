import type { DatabaseWatch } from './watch.ts';
import { ApiError } from '../lib/errors.ts';
import { retrySoon } from '../lib/retry-after.ts';

/** Tracks whether the service is starting, serving or ending. */
export class Readiness {
  readonly #database: DatabaseWatch;
  #phase: 'starting' | 'serving' | 'ending' = 'starting';

  constructor(database: DatabaseWatch) {
    this.#database = database;
  }

  /** Ends the start-up phase. Call it once the database is prepared and the operations are warmed up. */
  started(): void {
    this.#phase = 'serving';
  }

  /** Begins the ending phase. Call it when shutdown begins. */
  ending(): void {
    this.#phase = 'ending';
  }

  /**
   * Rejects requests for tasks and runs during start-up. Without its indexes, the database would scan whole collections
   * for each request.
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

  /**
   * Checks for `/health/ready` whether this instance can serve requests.
   * @throws ApiError not_ready during start-up and shutdown, database_unavailable
   */
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
