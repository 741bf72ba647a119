import type { DatabaseWatch } from '../database/watch.ts';
import { ApiError } from '../errors.ts';

const RETRY_AFTER = { headers: { 'Retry-After': '1' } };

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

  /** @throws ApiError not_ready, database_unavailable */
  async check(): Promise<void> {
    if (this.#phase === 'ending')
      throw new ApiError('not_ready', 'The service is about to end.', RETRY_AFTER);
    if (!(await this.#database.answers()))
      throw new ApiError('database_unavailable', 'The database does not answer right now.', RETRY_AFTER);
    if (this.#phase === 'starting') throw new ApiError('not_ready', 'The service is starting.', RETRY_AFTER);
  }
}
