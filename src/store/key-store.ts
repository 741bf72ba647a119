import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Right } from '../../generated/types.gen.ts';
import type { Collections } from './collections.ts';
import type { ApiKeyDocument, StoredKey } from './key-document.ts';
import type { CacheStats } from '../lib/cache-stats.ts';
import { insertOnce } from './insert-missing.ts';
import { hashOf, newKey, newKeyId } from './key.ts';
import { parseKey } from './parse-key.ts';

/** How long a process may use a cached key. A revoked key still works for up to this long. */
const CACHE_MS = 2_000;
/** Maximum number of cached lookups, including those of unknown keys. */
const MAX_CACHED_KEYS = 1_000;
/** Minimum interval between two writes of a key's `last_used_at`, whether or not they succeed. */
const USE_INTERVAL_MS = 60_000;
/** Maximum number of keys whose last write of `last_used_at` is remembered. */
const MAX_WRITTEN_KEYS = 20_000;

/**
 * Options for a new key. The scope `admin` must be explicit, so that omitting the account by mistake does not create an
 * admin key.
 */
export type NewApiKey = { name: string; expiresAt?: Date } & (
  | {
      accountId: string;
      /** The key's rights in its account. Absent means all rights. */
      may?: Right[];
    }
  | { scope: 'admin' }
);

function isValid({ expires_at, revoked_at }: ApiKeyDocument, now: Date): boolean {
  return revoked_at === undefined && (expires_at === undefined || expires_at > now);
}

export class KeyStore {
  readonly #keys: Collections['api_keys'];
  readonly #log: Logger;
  /**
   * Cached lookups, by the hash of the key. `found` is null if the key is unknown or if parseKey rejects its document.
   */
  readonly #cached = new LRUCache<string, { found: ApiKeyDocument | null; readAt: Date }>({
    max: MAX_CACHED_KEYS,
  });
  /**
   * The last logged problem of each key whose document parseKey rejects, by key id. Prevents a log line per request.
   */
  readonly #logged = new LRUCache<string, string>({ max: MAX_CACHED_KEYS });
  /**
   * When this process last queued a write of `last_used_at`, by key id. Prevents an immediate retry of a failed write.
   */
  readonly #lastWrites = new LRUCache<string, Date>({ max: MAX_WRITTEN_KEYS });
  /** Values of `last_used_at` that are still to be written, by key id. */
  readonly #unwritten = new Map<string, Date>();
  #isWriting = false;
  /** Whether the last write of `last_used_at` failed, so that an outage is logged only once. */
  #hasFailed = false;
  #hits = 0;
  #misses = 0;

  constructor({ api_keys }: Pick<Collections, 'api_keys'>, log: Logger) {
    this.#keys = api_keys;
    this.#log = log;
  }

  /** Creates a key and returns it. The key cannot be retrieved later, because the database stores only its hash. */
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
      throw new Error(
        `Failed to store the new key: another key has the id ${_id} or the same hash. Try again; the next key differs.`,
      );
    }
    return { id: _id, key };
  }

  /** Returns all stored keys, oldest first, including revoked, expired and unusable ones. */
  async list(): Promise<StoredKey[]> {
    return this.#keys.find({}, { sort: { created_at: 1, _id: 1 } }).toArray();
  }

  /**
   * Revokes a key, even one whose document parseKey rejects.
   * @returns the stored key, whether this call or an earlier one revoked it; null if no key has this id
   */
  async revoke(id: string, now: Date): Promise<StoredKey | null> {
    // Compare as text: a document that another tool wrote may have an _id of another type.
    const listed = (await this.list()).find(({ _id }) => String(_id) === id);
    if (!listed) return null;
    const { _id, revoked_at = null } = listed;
    // The filter repeats the value read, so that the first of two concurrent revocations wins.
    if (!(revoked_at instanceof Date)) {
      await this.#keys.updateOne({ _id, revoked_at }, { $set: { revoked_at: now } });
    }
    return this.#keys.findOne({ _id });
  }

  /** Whether at least one stored key would be accepted at this instant. */
  async hasValid(now: Date): Promise<boolean> {
    for await (const stored of this.#keys.find()) {
      const { key } = parseKey(stored);
      if (key && isValid(key, now)) return true;
    }
    return false;
  }

  /**
   * Returns the key, or undefined if it is unknown, rejected by parseKey, expired or revoked. Timing does not reveal
   * which: every case costs one lookup by hash.
   */
  async authenticate(key: string, now: Date): Promise<ApiKeyDocument | undefined> {
    const found = await this.#find(hashOf(key), now);
    if (!found || !isValid(found, now)) return undefined;
    this.#noteUse(found, now);
    return found;
  }

  stats(): CacheStats {
    return { hits: this.#hits, misses: this.#misses, entries: this.#cached.size };
  }

  async #find(hash: string, now: Date): Promise<ApiKeyDocument | null> {
    const remembered = this.#cached.get(hash);
    if (remembered && now.getTime() - remembered.readAt.getTime() < CACHE_MS) {
      this.#hits += 1;
      return remembered.found;
    }
    this.#misses += 1;
    const stored = await this.#keys.findOne({ hash });
    const found = stored && this.#parse(stored);
    this.#cached.set(hash, { found, readAt: now });
    return found;
  }

  /** @returns null if parseKey rejects the document; the problem is logged once */
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

  /** Writes `last_used_at` in the background, so that a slow or failed write does not affect the request. */
  #noteUse({ _id, last_used_at }: ApiKeyDocument, now: Date): void {
    const last = Math.max(last_used_at?.getTime() ?? 0, this.#lastWrites.get(_id)?.getTime() ?? 0);
    if (now.getTime() - last < USE_INTERVAL_MS) return;
    this.#lastWrites.set(_id, now);
    this.#unwritten.set(_id, now);
    if (!this.#isWriting) void this.#writeUses();
  }

  /**
   * Writes all queued values of `last_used_at`, one bulk write at a time, so that slow writes occupy only one connection
   * of the pool.
   */
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
            'failed to write last_used_at for API keys; the keys still work, but show an older last use',
          );
        }
        this.#hasFailed = true;
      }
    }
    this.#isWriting = false;
  }
}
