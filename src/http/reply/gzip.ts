import { buffer as collect } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import type { CacheStats } from '../../lib/cache-stats.ts';

/** Maximum size in bytes of a chunk that zlib emits. */
const OUTPUT_BYTES = 65_536;

/** Approximate memory in bytes of a cache entry's key and objects, in addition to the compressed bytes. */
const OVERHEAD_BYTES = 300;

/** Compresses a stream into one gzip member, no faster than its consumer reads. */
export async function* gzipStream(buffers: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const gzip = createGzip({ chunkSize: OUTPUT_BYTES });
  // If `buffers` fails, the pipeline destroys `gzip` with that error, and `yield*` below throws it.
  const fed = pipeline(buffers, gzip).catch(() => undefined);
  try {
    yield* gzip;
  } finally {
    gzip.destroy();
    // Wait until `buffers` is closed.
    await fed;
  }
}

/** Compresses complete replies, and caches the most recently used compressed ones. */
export class GzipCache {
  readonly #kept: LRUCache<string, Buffer> | undefined;
  readonly #underWay = new Map<string, Promise<Buffer>>();
  #hits = 0;
  #misses = 0;

  /** @param maxBytes - memory for compressed replies; 0 turns the cache off */
  constructor(maxBytes: number) {
    if (maxBytes > 0) {
      this.#kept = new LRUCache<string, Buffer>({
        maxSize: maxBytes,
        sizeCalculation: ({ length }) => length + OVERHEAD_BYTES,
      });
    }
  }

  /** Returns the cache's statistics. A reply that another request is already compressing counts as a hit. */
  stats(): CacheStats {
    const { size = 0, calculatedSize = 0 } = this.#kept ?? {};
    return { hits: this.#hits, misses: this.#misses, entries: size, bytes: calculatedSize };
  }

  /**
   * Returns the compressed bytes of a reply. Concurrent calls with the same ETag share one compression.
   * @param etag - strong, so that equal ETags mean equal bytes; without it, the result is neither cached nor shared
   * @param plain - returns the uncompressed bytes; called only if the cache does not have the reply
   */
  async compress(etag: string | undefined, plain: () => AsyncIterable<Buffer>): Promise<Buffer> {
    if (etag === undefined) return collect(gzipStream(plain()));
    const known = this.#kept?.get(etag) ?? this.#underWay.get(etag);
    if (known) {
      this.#hits += 1;
      return known;
    }
    this.#misses += 1;
    const compressing = collect(gzipStream(plain()));
    this.#underWay.set(etag, compressing);
    try {
      const compressed = await compressing;
      this.#kept?.set(etag, compressed);
      return compressed;
    } finally {
      this.#underWay.delete(etag);
    }
  }
}
