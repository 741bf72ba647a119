import { buffer as collect } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import type { CacheStats } from '../../lib/cache-stats.ts';

/** Maximum size of a chunk that zlib emits. */
const OUTPUT_BYTES = 65_536;

/** Memory of a cache entry in addition to its bytes: key and objects. */
const OVERHEAD_BYTES = 300;

/** Compresses a stream into one gzip member, no faster than its consumer reads. */
export async function* gzipStream(buffers: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const gzip = createGzip({ chunkSize: OUTPUT_BYTES });
  // If the source fails, `gzip` is destroyed with its error, and the loop below throws it.
  const fed = pipeline(buffers, gzip).catch(() => undefined);
  try {
    yield* gzip;
  } finally {
    gzip.destroy();
    // Wait until the source is closed.
    await fed;
  }
}

/** Compresses complete replies, and caches the most recent ones. */
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

  /** A hit is a cached reply, or one that another request is already compressing. */
  stats(): CacheStats {
    const { size = 0, calculatedSize = 0 } = this.#kept ?? {};
    return { hits: this.#hits, misses: this.#misses, entries: size, bytes: calculatedSize };
  }

  /**
   * Returns a reply compressed. Concurrent calls for the same reply share one compression.
   * @param etag - strong, so that equal ETags mean equal bytes; undefined for a reply that is neither cached nor shared
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
