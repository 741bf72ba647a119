import { buffer as collect } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import type { CacheStats } from '../../lib/cache-stats.ts';

/** Output that zlib hands over at a time, at most. */
const OUTPUT_BYTES = 65_536;

/** Memory of an entry beside its bytes: key and objects. */
const OVERHEAD_BYTES = 300;

/** Compresses a reply while it is read, into one gzip member, no faster than its reader takes it. */
export async function* gzipStream(buffers: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const gzip = createGzip({ chunkSize: OUTPUT_BYTES });
  // A failure of the source destroys `gzip` with its error, which the loop below throws.
  const fed = pipeline(buffers, gzip).catch(() => undefined);
  try {
    yield* gzip;
  } finally {
    gzip.destroy();
    // Until the source has been closed.
    await fed;
  }
}

/** Compresses whole replies, and keeps those that were sent last. */
export class GzipCache {
  readonly #kept: LRUCache<string, Buffer> | undefined;
  readonly #underWay = new Map<string, Promise<Buffer>>();
  #hits = 0;
  #misses = 0;

  /** @param maxBytes - of memory for compressed replies; 0 to keep none */
  constructor(maxBytes: number) {
    if (maxBytes > 0) {
      this.#kept = new LRUCache<string, Buffer>({
        maxSize: maxBytes,
        sizeCalculation: ({ length }) => length + OVERHEAD_BYTES,
      });
    }
  }

  /** A hit is a reply that was kept, or that another request was just compressing. */
  stats(): CacheStats {
    const { size = 0, calculatedSize = 0 } = this.#kept ?? {};
    return { hits: this.#hits, misses: this.#misses, entries: size, bytes: calculatedSize };
  }

  /**
   * The compressed form of a reply. Concurrent calls for the same reply share one compression.
   * @param etag - strong, so that equal ones have equal bytes; undefined for a reply that is neither kept nor shared
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
