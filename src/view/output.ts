/**
 * Maximum number of bytes of JSON per byte of BSON. The worst case is a control character: one byte becomes `\u0001`.
 * The eight bytes of a date become only 26. Every BSON element has two bytes besides its name and value, which cover
 * the quotation marks, colon and comma.
 */
const EXPANSION = 6;
const SPARE_BYTES = 64;

/** Size of the buffer that all outputs share. An output that may need more, which is rare, gets its own buffer. */
const SHARED_BYTES = 1_048_576;
const shared = Buffer.allocUnsafeSlow(SHARED_BYTES);

const DAY_MS = 86_400_000;
/** The greatest distance from 1970 that a Date can have, before or after. */
const MAX_INSTANT_MS = 8.64e15;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Minimum length for which a copy call is faster than a loop. */
const COPY_FROM_BYTES = 48;

/** Writes JSON text into a buffer. The caller must provide a buffer with room for the whole text. */
export class JsonOutput {
  readonly #buffer: Buffer;
  #length = 0;
  #day = Number.NaN;
  #dayText = '';

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  byte(value: number): void {
    this.#buffer[this.#length++] = value;
  }

  raw(bytes: Buffer): void {
    const buffer = this.#buffer;
    let length = this.#length;
    for (let at = 0; at < bytes.length; at++) buffer[length++] = bytes[at] ?? 0;
    this.#length = length;
  }

  /** @param text - ASCII */
  literal(text: string): void {
    const buffer = this.#buffer;
    let length = this.#length;
    for (let at = 0; at < text.length; at++) buffer[length++] = text.charCodeAt(at);
    this.#length = length;
  }

  number(value: number): void {
    // JSON has no Infinity or NaN. -0 becomes 0.
    if (!Number.isFinite(value)) this.literal('null');
    // With an exponent, the service reads the number back as a double. Plain digits would become an integer.
    else if (Math.abs(value) > Number.MAX_SAFE_INTEGER) this.literal(value.toExponential());
    else this.literal(String(value));
  }

  /**
   * Writes an instant in RFC 3339, in UTC with milliseconds. The text is the same as from Date.toISOString, but this is
   * several times as fast.
   */
  instant(epochMs: number): void {
    if (!(Math.abs(epochMs) <= MAX_INSTANT_MS)) return this.literal('null');
    const day = Math.floor(epochMs / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      this.#dayText = `"${new Date(day * DAY_MS).toISOString().split('T', 1)[0]}T`;
    }
    this.literal(this.#dayText);
    const ms = epochMs - day * DAY_MS;
    this.#digits(Math.floor(ms / 3_600_000), 2, 0x3a);
    this.#digits(Math.floor(ms / 60_000) % 60, 2, 0x3a);
    this.#digits(Math.floor(ms / 1_000) % 60, 2, 0x2e);
    this.#digits(ms % 1_000, 3, 0x5a);
    this.byte(QUOTE);
  }

  #digits(value: number, count: number, behind: number): void {
    const buffer = this.#buffer;
    let rest = value;
    for (let at = this.#length + count - 1; at >= this.#length; at--) {
      buffer[at] = 0x30 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.#length += count;
    buffer[this.#length++] = behind;
  }

  /** Writes the bytes from `start` to `end`, which are UTF-8, as a JSON string. */
  text(bytes: Buffer, start: number, end: number): void {
    const buffer = this.#buffer;
    this.byte(QUOTE);
    let from = start;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) continue;
      this.#copy(bytes, from, at);
      this.literal(JSON.stringify(String.fromCharCode(byte)).slice(1, -1));
      from = at + 1;
    }
    this.#copy(bytes, from, end);
    buffer[this.#length++] = QUOTE;
  }

  #copy(bytes: Buffer, start: number, end: number): void {
    const buffer = this.#buffer;
    if (end - start >= COPY_FROM_BYTES) this.#length += bytes.copy(buffer, this.#length, start, end);
    else {
      let length = this.#length;
      for (let at = start; at < end; at++) buffer[length++] = bytes[at] ?? 0;
      this.#length = length;
    }
  }

  /** Returns a copy of the text, which later outputs do not overwrite. */
  end(): Buffer {
    return Buffer.copyBytesFrom(this.#buffer, 0, this.#length);
  }
}

/**
 * Returns an output with room for the JSON text of a BSON document of this size. Use only one output at a time, because
 * they share a buffer.
 */
export function newOutput(bsonBytes: number): JsonOutput {
  const largest = bsonBytes * EXPANSION + SPARE_BYTES;
  return new JsonOutput(largest <= SHARED_BYTES ? shared : Buffer.allocUnsafeSlow(largest));
}
