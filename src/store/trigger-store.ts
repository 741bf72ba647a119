import { randomUUID } from 'node:crypto';
import type { Collections } from './collections.ts';
import { insertOnce } from './insert-missing.ts';
import type { TriggerDocument } from './trigger-document.ts';

const ID = 'trigger';
const LEASE_MS = 30_000;

/**
 * Stores the state that all processes with the Trigger.dev engine share. One process at a time leads: it synchronizes
 * with Trigger.dev on behalf of all. The lease depends on wall clocks, so two processes may lead for a moment. This
 * wastes requests, but does no harm.
 */
export class TriggerStore {
  readonly #trigger: Collections['trigger'];

  constructor({ trigger }: Pick<Collections, 'trigger'>) {
    this.#trigger = trigger;
  }

  /** Takes or renews the lease. @returns null while another process leads */
  async lead(owner: string, now: Date): Promise<TriggerDocument | null> {
    const lease = { owner, until: new Date(now.getTime() + LEASE_MS) };
    const led = await this.#trigger.findOneAndUpdate(
      { _id: ID, $or: [{ owner }, { until: { $lt: now } }] },
      { $set: lease },
      { returnDocument: 'after' },
    );
    if (led) return led;
    const first: TriggerDocument = { _id: ID, installation: randomUUID(), ...lease };
    return (await insertOnce(this.#trigger, first)) ? first : null;
  }

  /** Ends the lease, so that another process can lead at once. */
  async release(owner: string): Promise<void> {
    await this.#trigger.updateOne({ _id: ID, owner }, { $set: { owner: null, until: new Date(0) } });
  }

  /** Stores the instant from which the next leader lists runs at Trigger.dev. */
  async setRunsFrom(runs_from: Date): Promise<void> {
    await this.#trigger.updateOne({ _id: ID }, { $set: { runs_from } });
  }
}
