import { MAX_ARCHIVED_BYTES, MIN_DOCUMENT_BYTES, TERMINATOR, UnusableArchive } from './archive-format.ts';

/** Length of the magic number, of a terminator, and of the length that a document begins with. */
export const WORD_BYTES = 4;

/** Cuts a stream of chunks of any length into an archive's frames: the magic number, then documents and terminators. */
export class ArchiveFrames {
  #rest: Buffer[] = [];
  #restBytes = 0;
  #wantedBytes = WORD_BYTES;
  #isFirst = true;

  /**
   * The frames that a chunk completes, which share its memory. One of four bytes is no document.
   * @throws UnusableArchive where a length is impossible
   */
  *push(chunk: Buffer): Generator<Buffer, void, void> {
    this.#rest.push(chunk);
    this.#restBytes += chunk.length;
    if (this.#restBytes < this.#wantedBytes) return;
    const bytes = this.#rest.length === 1 ? chunk : Buffer.concat(this.#rest);
    let at = 0;
    for (;;) {
      this.#wantedBytes = bytes.length - at < WORD_BYTES ? WORD_BYTES : this.#lengthAt(bytes, at);
      if (bytes.length - at < this.#wantedBytes) break;
      const end = at + this.#wantedBytes;
      yield bytes.subarray(at, end);
      this.#isFirst = false;
      at = end;
    }
    this.#rest = at < bytes.length ? [bytes.subarray(at)] : [];
    this.#restBytes = bytes.length - at;
  }

  #lengthAt(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32LE(at);
    if (this.#isFirst || length === TERMINATOR) return WORD_BYTES;
    if (length >= MIN_DOCUMENT_BYTES && length <= MAX_ARCHIVED_BYTES) return length;
    throw UnusableArchive.damaged(`a document cannot have ${length} bytes`);
  }

  /** Whether no part of a frame is left. */
  get isEmpty(): boolean {
    return this.#restBytes === 0;
  }
}
