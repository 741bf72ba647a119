import type { CancelRequest } from './cancel-request.ts';
import type { Collections } from './collections.ts';
import { insertOnce } from './insert-missing.ts';

/**
 * How long an engine tries to send a cancellation to Trigger.dev before the request is dropped (openapi.yaml,
 * cancelRun).
 */
const KEPT_MS = 24 * 60 * 60 * 1_000;

/** Holds requests to cancel runs on Trigger.dev. Each stays here until the Trigger.dev engine has sent it. */
export class CancelStore {
  readonly #requests: Collections['cancel_requests'];

  constructor({ cancel_requests }: Pick<Collections, 'cancel_requests'>) {
    this.#requests = cancel_requests;
  }

  /** Stores a request to cancel a run unless the run already has one. */
  async add({ _id, engine_run_id }: Omit<CancelRequest, 'expires_at'>, now: Date): Promise<void> {
    const expires_at = new Date(now.getTime() + KEPT_MS);
    await insertOnce(this.#requests, { _id, engine_run_id, expires_at });
  }

  /** Returns up to `limit` requests that are still to be sent, in no particular order. */
  async pending(limit: number): Promise<CancelRequest[]> {
    return this.#requests.find({}, { limit, batchSize: limit + 1 }).toArray();
  }

  /** Removes a request after the engine has sent it to Trigger.dev. */
  async done(_id: string): Promise<void> {
    await this.#requests.deleteOne({ _id });
  }
}
