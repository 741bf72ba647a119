import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Collections } from '../database/collections.ts';
import type { ApiKeyDocument } from './document.ts';
import type { CacheStats } from '../telemetry/cache-stats.ts';
import { hashOf, newKey, newKeyId } from './key.ts';

/** How long a process may go on by what it last read of a key: a key that is revoked meanwhile still works for so long. */
const TRUSTED_MS = 2_000;
/** Keys that are remembered, whether they exist or not. */
const REMEMBERED_KEYS = 1_000;
/** `last_used_at` is written when it is older. */
const USE_NOTED_EVERY_MS = 60_000;

/** What a new key is for. */
export interface NewApiKey {
  name: string;
  /** Its account; an admin's key has none. */
  accountId?: string;
  expiresAt?: Date;
}

/** API keys. */
export class KeyStore {
  readonly #keys: Collections['api_keys'];
  readonly #log: Logger;
  /** By hash; `found` is null for a key that there is not. */
  readonly #remembered = new LRUCache<string, { found: ApiKeyDocument | null; readAt: Date }>({
    max: REMEMBERED_KEYS,
  });
  #hits = 0;
  #misses = 0;

  constructor({ api_keys }: Pick<Collections, 'api_keys'>, log: Logger) {
    this.#keys = api_keys;
    this.#log = log;
  }

  /** Makes a key; this is the only time that it is there to be seen. */
  async create({ name, accountId, expiresAt }: NewApiKey, now: Date): Promise<{ id: string; key: string }> {
    const key = newKey();
    const document: ApiKeyDocument = {
      _id: newKeyId(),
      hash: hashOf(key),
      name,
      ...(accountId === undefined ? { scope: 'admin' } : { scope: 'account', account_id: accountId }),
      created_at: now,
      ...(expiresAt && { expires_at: expiresAt }),
    };
    await this.#keys.insertOne(document);
    return { id: document._id, key };
  }

  /** All keys, the oldest first. */
  async list(): Promise<ApiKeyDocument[]> {
    return this.#keys.find({}, { sort: { created_at: 1, _id: 1 } }).toArray();
  }

  /** @returns the key as it is now, revoked now or before; null where there is none */
  async revoke(id: string, now: Date): Promise<ApiKeyDocument | null> {
    await this.#keys.updateOne({ _id: id, revoked_at: { $exists: false } }, { $set: { revoked_at: now } });
    return this.#keys.findOne({ _id: id });
  }

  /** Whether there is a key that may be used. */
  async hasAny(): Promise<boolean> {
    return (
      (await this.#keys.findOne({ revoked_at: { $exists: false } }, { projection: { _id: 1 } })) !== null
    );
  }

  /**
   * The key as it is stored; undefined where it is unknown, expired or revoked. Which of these it is cannot be told from how long
   * it takes: there is one look-up, by a hash, in any case.
   */
  async authenticate(key: string, now: Date): Promise<ApiKeyDocument | undefined> {
    const found = await this.#find(hashOf(key), now);
    if (!found || found.revoked_at || (found.expires_at && found.expires_at <= now)) return undefined;
    await this.#noteUse(found, now);
    return found;
  }

  /** How often a key was remembered well enough. */
  stats(): CacheStats {
    return { hits: this.#hits, misses: this.#misses, entries: this.#remembered.size };
  }

  async #find(hash: string, now: Date): Promise<ApiKeyDocument | null> {
    const remembered = this.#remembered.get(hash);
    if (remembered && now.getTime() - remembered.readAt.getTime() < TRUSTED_MS) {
      this.#hits += 1;
      return remembered.found;
    }
    this.#misses += 1;
    const found = await this.#keys.findOne({ hash });
    this.#remembered.set(hash, { found, readAt: now });
    return found;
  }

  async #noteUse(key: ApiKeyDocument, now: Date): Promise<void> {
    if (key.last_used_at && now.getTime() - key.last_used_at.getTime() < USE_NOTED_EVERY_MS) return;
    // Remembered before it is written: requests that come meanwhile need not write it too.
    key.last_used_at = now;
    try {
      await this.#keys.updateOne({ _id: key._id }, { $max: { last_used_at: now } });
    } catch (error) {
      // A database that only reads is enough for many requests.
      this.#log.warn({ keyId: key._id, err: error }, 'the use of a key could not be noted');
    }
  }
}
