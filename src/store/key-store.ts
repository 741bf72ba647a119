import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Right } from '../../generated/types.gen.ts';
import type { Collections } from './collections.ts';
import type { ApiKeyDocument, StoredKey } from './key-document.ts';
import type { CacheStats } from '../lib/cache-stats.ts';
import { insertOnce } from './insert-missing.ts';
import { hashOf, newKey, newKeyId } from './key.ts';
import { parseKey } from './parse-key.ts';

/** How long a process may go on by what it last read of a key: a key that is revoked meanwhile still works for so long. */
const TRUSTED_MS = 2_000;
/** Keys that are remembered, whether they exist or not. */
const REMEMBERED_KEYS = 1_000;
/** Interval between two writes of a key's `last_used_at`, whether they succeed or not. */
const USE_WRITTEN_EVERY_MS = 60_000;
/** Number of keys whose last write of `last_used_at` is remembered. */
const WRITTEN_KEYS = 20_000;

/** What a new key is for. The scope admin must be named: a forgotten account must not become an admin's key. */
export type NewApiKey = { name: string; expiresAt?: Date } & (
  | {
      accountId: string;
      /** What the key may do in its account; absent for everything. */
      may?: Right[];
    }
  | { scope: 'admin' }
);

/** Whether a key may be used now. */
function isValid({ expires_at, revoked_at }: ApiKeyDocument, now: Date): boolean {
  return revoked_at === undefined && (expires_at === undefined || expires_at > now);
}

/** API keys. */
export class KeyStore {
  readonly #keys: Collections['api_keys'];
  readonly #log: Logger;
  /** By hash; `found` is null for a key that is unknown or unusable. */
  readonly #remembered = new LRUCache<string, { found: ApiKeyDocument | null; readAt: Date }>({
    max: REMEMBERED_KEYS,
  });
  /** The problem last logged for each unusable key, by id, so that a key is logged once and not once per request. */
  readonly #logged = new LRUCache<string, string>({ max: REMEMBERED_KEYS });
  /** By key id: when this process last queued a use for writing, so that a failed write is not retried at once. */
  readonly #lastWrites = new LRUCache<string, Date>({ max: WRITTEN_KEYS });
  /** By key id: uses that are not written yet. */
  readonly #unwritten = new Map<string, Date>();
  #isWriting = false;
  /** Whether the last write of uses failed, so that an outage is logged once. */
  #hasFailed = false;
  #hits = 0;
  #misses = 0;

  constructor({ api_keys }: Pick<Collections, 'api_keys'>, log: Logger) {
    this.#keys = api_keys;
    this.#log = log;
  }

  /** Makes a key; this is the only time that it is there to be seen. */
  async create(given: NewApiKey, now: Date): Promise<{ id: string; key: string }> {
    const { name, expiresAt } = given;
    const key = newKey();
    const document: ApiKeyDocument = {
      _id: newKeyId(),
      hash: hashOf(key),
      name,
      ...('accountId' in given
        ? { scope: 'account', account_id: given.accountId, ...(given.may && { may: given.may }) }
        : { scope: given.scope }),
      created_at: now,
      ...(expiresAt && { expires_at: expiresAt }),
    };
    const { _id, hash } = document;
    if (!(await insertOnce(this.#keys, document)) && !(await this.#keys.findOne({ _id, hash }))) {
      throw new Error(`Another key has the id ${_id} or the same hash. Create a new key.`);
    }
    return { id: _id, key };
  }

  /** All keys as they are stored, unusable ones too, the oldest first. */
  async list(): Promise<StoredKey[]> {
    return this.#keys.find({}, { sort: { created_at: 1, _id: 1 } }).toArray();
  }

  /**
   * Revokes a key, usable or not.
   * @returns the key as it is stored now, revoked by this call or before; null if no key has this id
   */
  async revoke(id: string, now: Date): Promise<StoredKey | null> {
    // Compared as text: a document that was not written by this service may have an _id of another type.
    const listed = (await this.list()).find(({ _id }) => String(_id) === id);
    if (!listed) return null;
    const { _id, revoked_at = null } = listed;
    // The filter repeats what was read, so that of two concurrent revocations the first counts.
    if (!(revoked_at instanceof Date)) {
      await this.#keys.updateOne({ _id, revoked_at }, { $set: { revoked_at: now } });
    }
    return this.#keys.findOne({ _id });
  }

  /** Whether any key would be accepted now. */
  async hasValid(now: Date): Promise<boolean> {
    for await (const stored of this.#keys.find()) {
      const { key } = parseKey(stored);
      if (key && isValid(key, now)) return true;
    }
    return false;
  }

  /**
   * Returns the key, or undefined if it is unknown, unusable, expired or revoked. Timing does not reveal which: every case
   * costs one lookup by hash.
   */
  async authenticate(key: string, now: Date): Promise<ApiKeyDocument | undefined> {
    const found = await this.#find(hashOf(key), now);
    if (!found || !isValid(found, now)) return undefined;
    this.#noteUse(found, now);
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
    const stored = await this.#keys.findOne({ hash });
    const found = stored && this.#parse(stored);
    this.#remembered.set(hash, { found, readAt: now });
    return found;
  }

  /** @returns null for an unusable key, which is logged */
  #parse(stored: StoredKey): ApiKeyDocument | null {
    const { key, problem } = parseKey(stored);
    if (key) return key;
    const keyId = String(stored._id);
    if (this.#logged.get(keyId) !== problem) {
      this.#logged.set(keyId, problem);
      this.#log.warn({ keyId, problem }, 'refused an API key: this version cannot read its document');
    }
    return null;
  }

  /** Writes `last_used_at` in the background: neither a slow nor a failed write affects the request. */
  #noteUse({ _id, last_used_at }: ApiKeyDocument, now: Date): void {
    const last = Math.max(last_used_at?.getTime() ?? 0, this.#lastWrites.get(_id)?.getTime() ?? 0);
    if (now.getTime() - last < USE_WRITTEN_EVERY_MS) return;
    this.#lastWrites.set(_id, now);
    this.#unwritten.set(_id, now);
    if (!this.#isWriting) void this.#writeUses();
  }

  /** One write at a time for all keys, so that slow writes occupy only one connection of the pool. */
  async #writeUses(): Promise<void> {
    this.#isWriting = true;
    while (this.#unwritten.size > 0) {
      const uses = [...this.#unwritten];
      this.#unwritten.clear();
      try {
        await this.#keys.bulkWrite(
          uses.map(([_id, usedAt]) => ({
            updateOne: { filter: { _id }, update: { $max: { last_used_at: usedAt } } },
          })),
          { ordered: false },
        );
        this.#hasFailed = false;
      } catch (error) {
        if (!this.#hasFailed) {
          this.#log.warn(
            { keyIds: uses.map(([_id]) => _id), err: error },
            'writing last_used_at of API keys failed',
          );
        }
        this.#hasFailed = true;
      }
    }
    this.#isWriting = false;
  }
}
