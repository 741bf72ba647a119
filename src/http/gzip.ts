import { createHash } from 'node:crypto';
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

/** What an entry takes beside its bytes: its name and objects. */
const OVERHEAD_BYTES = 300;

/** How far back deflate can point (RFC 1951, 2). */
const WINDOW_BYTES = 32_768;

/** The pieces that were sent last, as far as deflate can point back to them. */
class Window {
  #pieces: Piece[] = [];
  #bytes = 0;

  /** Which text it is together with a piece that follows: equal names, equal text. */
  nameWith(next: Piece): string {
    const hash = createHash('sha256').update(next.digest);
    for (const { digest } of this.#pieces) hash.update(digest);
    return hash.digest('base64url');
  }

  get text(): Buffer {
    return Buffer.concat(this.#pieces.map(({ bytes }) => bytes)).subarray(-WINDOW_BYTES);
  }

  push(piece: Piece): void {
    this.#pieces.push(piece);
    this.#bytes += piece.bytes.length;
    for (let first = this.#pieces[0]; first; first = this.#pieces[0]) {
      if (this.#bytes - first.bytes.length < WINDOW_BYTES) return;
      this.#bytes -= first.bytes.length;
      this.#pieces.shift();
    }
  }
}

/**
 * Compresses replies that consist of the same pieces again and again: each piece is deflated once behind those that it
 * follows, up to the boundary of a byte, and the segments are joined into one gzip member. Only its checksum is made anew,
 * which is as quick as copying. Where a piece changes, it and the few behind it that point back to it are deflated again.
 */
export class Gzip {
  /** Segments by what they hold and what that follows. */
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
    const window = new Window();
    for await (const piece of pieces) {
      checksum = crc32(piece.bytes, checksum);
      length += piece.bytes.length;
      const name = window.nameWith(piece);
      const kept = this.#segments?.get(name);
      if (kept) this.#hits += 1;
      yield kept ?? (await this.#deflate(name, piece, window.text));
      window.push(piece);
    }
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(checksum, 0);
    trailer.writeUInt32LE(length % 2 ** 32, 4);
    yield Buffer.concat([LAST_BLOCK, trailer]);
  }

  async #deflate(name: string, { bytes }: Piece, dictionary: Buffer): Promise<Buffer> {
    this.#misses += 1;
    const segment = await deflate(bytes, {
      finishFlush: constants.Z_SYNC_FLUSH,
      // The first has nothing before it, which zlib would not take for a dictionary.
      ...(dictionary.length > 0 && { dictionary }),
    });
    // zlib gives a slice of a larger buffer, which would be kept with it.
    this.#segments?.set(name, Buffer.copyBytesFrom(segment));
    return segment;
  }
}
