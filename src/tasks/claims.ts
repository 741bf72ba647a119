import { createHash, randomUUID } from 'node:crypto';
import { MongoServerError } from 'mongodb';
import type { Collections } from '../database/collections.ts';
import type { ClaimDocument } from './claim-document.ts';

/** What is to be done about a request with an Idempotency-Key. */
export type Claim =
  | { outcome: 'claimed'; claim: ClaimDocument }
  | { outcome: 'replied'; reply: string }
  | { outcome: 'in flight'; retryAfterSeconds: number }
  | { outcome: 'other body' };

/** openapi.yaml, createTask. */
const KEPT_MS = 24 * 60 * 60 * 1_000;
/** A request takes less: after this, the process that had claimed the key has died. */
const CLAIM_MS = 60_000;

const DUPLICATE_KEY = 11000;

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url');

function hashOf(body: object): string {
  return hash(JSON.stringify(Object.entries(body).toSorted(([one], [other]) => (one < other ? -1 : 1))));
}

/** Whether a document with that _id, or that value of a unique index, is there already. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/** Claims on Idempotency-Keys. */
export class ClaimStore {
  readonly #claims: Collections['idempotency_keys'];

  constructor({ idempotency_keys }: Pick<Collections, 'idempotency_keys'>) {
    this.#claims = idempotency_keys;
  }

  /** Claims a caller's key for a body, unless it is claimed or answered. */
  async claim({ caller, key }: { caller: string; key: string }, body: object, now: Date): Promise<Claim> {
    const fresh: ClaimDocument = {
      _id: hash(JSON.stringify([caller, key])),
      body_hash: hashOf(body),
      task_id: randomUUID(),
      claimed_at: now,
      expires_at: new Date(now.getTime() + KEPT_MS),
    };
    // Whoever loses a race for the claim finds what the winner wrote.
    for (;;) {
      const present = await this.#claims.findOne({ _id: fresh._id });
      if (!present) {
        if (await this.#insert(fresh)) return { outcome: 'claimed', claim: fresh };
      } else if (present.expires_at <= now) {
        if (await this.#replace(present, fresh)) return { outcome: 'claimed', claim: fresh };
      } else if (present.body_hash !== fresh.body_hash) return { outcome: 'other body' };
      else if (present.reply !== undefined) return { outcome: 'replied', reply: present.reply };
      else {
        const freeInMs = present.claimed_at.getTime() + CLAIM_MS - now.getTime();
        if (freeInMs > 0) return { outcome: 'in flight', retryAfterSeconds: Math.ceil(freeInMs / 1_000) };
        const taken = { ...present, claimed_at: now };
        if (await this.#replace(present, taken)) return { outcome: 'claimed', claim: taken };
      }
    }
  }

  /** Keeps the reply for repetitions. */
  async answer({ _id, task_id }: ClaimDocument, reply: string): Promise<void> {
    await this.#claims.updateOne({ _id, task_id }, { $set: { reply } });
  }

  async #insert(claim: ClaimDocument): Promise<boolean> {
    try {
      await this.#claims.insertOne(claim);
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  async #replace({ _id, claimed_at }: ClaimDocument, claim: ClaimDocument): Promise<boolean> {
    const { modifiedCount } = await this.#claims.replaceOne({ _id, claimed_at }, claim);
    return modifiedCount === 1;
  }
}
