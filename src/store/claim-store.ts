import { createHash, randomUUID } from 'node:crypto';
import type { Collections } from './collections.ts';
import type { ClaimDocument } from './claim-document.ts';
import { insertOnce } from './insert-missing.ts';

/** How long an Idempotency-Key stays claimed (openapi.yaml, createTask and runTask). */
const KEPT_MS = 24 * 60 * 60 * 1_000;

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url');
const idOf = ({ caller, key }: { caller: string; key: string }): string =>
  hash(JSON.stringify([caller, key]));

const sortedFields = (value: object): [string, unknown][] =>
  Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));

/**
 * Replacer for JSON.stringify that sorts fields and formats bigints, which JSON.stringify rejects. Integers that a
 * double cannot hold are bigints.
 */
function canonical(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? Object.fromEntries(sortedFields(value)) : value;
}

/** The order of fields does not change the hash, at any depth. */
const hashOf = (body: object): string => hash(JSON.stringify(sortedFields(body), canonical));

/**
 * Stores claims: which caller has used which Idempotency-Key. A claim locks nothing: all requests with the same key and
 * body get the same id to insert.
 */
export class ClaimStore {
  readonly #claims: Collections['idempotency_keys'];

  constructor({ idempotency_keys }: Pick<Collections, 'idempotency_keys'>) {
    this.#claims = idempotency_keys;
  }

  /**
   * Finds the claim on a caller's idempotency key, or stores a new one.
   * @returns undefined if the key was used with another body
   */
  async claim(
    claimedBy: { caller: string; key: string },
    body: object,
    now: Date,
  ): Promise<ClaimDocument | undefined> {
    const fresh: ClaimDocument = {
      _id: idOf(claimedBy),
      body_hash: hashOf(body),
      task_id: randomUUID(),
      claimed_at: now,
      expires_at: new Date(now.getTime() + KEPT_MS),
    };
    // If this request cannot store its claim, another request has stored one, or the driver has repeated an insert that
    // had succeeded. The next round finds the stored claim.
    for (;;) {
      const present = await this.#claims.findOne({ _id: fresh._id });
      if (present && present.expires_at > now) {
        return present.body_hash === fresh.body_hash ? present : undefined;
      }
      if (await (present ? this.#replace(present, fresh) : insertOnce(this.#claims, fresh))) return fresh;
    }
  }

  /** Whether the caller has used this Idempotency-Key within the last 24 hours, with any body. */
  async isClaimed(claimedBy: { caller: string; key: string }, now: Date): Promise<boolean> {
    const present = await this.#claims.findOne({ _id: idOf(claimedBy) });
    return present !== null && present.expires_at > now;
  }

  /** Stores a reply with its claim unless another request with the same key has already stored one. */
  async storeReply({ _id, task_id }: ClaimDocument, reply: string): Promise<void> {
    await this.#claims.updateOne({ _id, task_id, reply: { $exists: false } }, { $set: { reply } });
  }

  /** Reads a claim again and returns the reply that another request has stored meanwhile, if any. */
  async findReply({ _id, task_id }: ClaimDocument): Promise<string | undefined> {
    return (await this.#claims.findOne({ _id, task_id }))?.reply;
  }

  async #replace({ _id, task_id }: ClaimDocument, claim: ClaimDocument): Promise<boolean> {
    const { modifiedCount } = await this.#claims.replaceOne({ _id, task_id }, claim);
    return modifiedCount === 1;
  }
}
