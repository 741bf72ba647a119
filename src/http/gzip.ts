import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import type { CacheStats } from '../telemetry/cache-stats.ts';
import type { Piece } from '../json/json-text.ts';

const deflate = promisify(deflateRaw);

/** RFC 1952, 2.3: magic number, deflate, no flags, no time, no hint, unknown system. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** RFC 1951, 3.2.3: a last block, with fixed codes, that holds nothing. */
const LAST_BLOCK = Buffer.from([0x03, 0x00]);

/** What an entry takes beside its bytes: its key and objects. */
const OVERHEAD_BYTES = 300;

/**
 * Compresses replies that consist of the same pieces again and again: each piece is deflated once, up to the boundary of a
 * byte, and the segments are joined into one gzip member. Only its checksum is made anew, which is as quick as copying.
 */
export class Gzip {
  /** Segments by the digest of what they hold. */
  readonly #segments: LRUCache<string, Buffer> | undefined;
  #hits = 0;
  #misses = 0;

  /** @param maxBytes - of memory for segments; 0 to keep none */
  constructor(maxBytes: number) {
    if (maxBytes > 0) {
      this.#segments = new LRUCache<string, Buffer>({
        maxSize: maxBytes,
        sizeCalculation: ({ length }) => length + OVERHEAD_BYTES,
      });
    }
  }

  /** How often a segment was there, and how much is. */
  stats(): CacheStats {
    const { size = 0, calculatedSize = 0 } = this.#segments ?? {};
    return { hits: this.#hits, misses: this.#misses, entries: size, bytes: calculatedSize };
  }

  /** A gzip member (RFC 1952) of all pieces. */
  async *compress(pieces: AsyncIterable<Piece>): AsyncGenerator<Buffer, void, undefined> {
    yield HEADER;
    let checksum = 0;
    let length = 0;
    for await (const piece of pieces) {
      checksum = crc32(piece.bytes, checksum);
      length += piece.bytes.length;
      const kept = this.#segments?.get(piece.digest);
      if (kept) this.#hits += 1;
      yield kept ?? (await this.#deflate(piece));
    }
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(checksum, 0);
    trailer.writeUInt32LE(length % 2 ** 32, 4);
    yield Buffer.concat([LAST_BLOCK, trailer]);
  }

  async #deflate({ bytes, digest }: Piece): Promise<Buffer> {
    this.#misses += 1;
    const segment = await deflate(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
    this.#segments?.set(digest, segment);
    return segment;
  }
}
