/** The polynomial of ECMA-182, bit-reversed, in two halves. */
const POLYNOMIAL_LOW = 0xd787_0f42;
const POLYNOMIAL_HIGH = 0xc96c_5795;

/** Lookup tables by byte value, one for each half of the checksum. */
const LOW = new Int32Array(256);
const HIGH = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let low = byte;
  let high = 0;
  for (let bit = 0; bit < 8; bit++) {
    const carry = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (carry === 0) continue;
    low ^= POLYNOMIAL_LOW;
    high ^= POLYNOMIAL_HIGH;
  }
  LOW[byte] = low;
  HIGH[byte] = high;
}

/**
 * A running CRC-64 with the ECMA polynomial, as in Go's hash/crc64, XZ and mongodump. Uses two 32-bit halves, because a
 * BigInt per byte would be a hundred times slower.
 */
export class Crc64 {
  #low = -1;
  #high = -1;

  update(bytes: Buffer): void {
    let [low, high] = [this.#low, this.#high];
    for (let at = 0; at < bytes.length; at++) {
      const entry = (low ^ (bytes[at] ?? 0)) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ (LOW[entry] ?? 0);
      high = (high >>> 8) ^ (HIGH[entry] ?? 0);
    }
    [this.#low, this.#high] = [low, high];
  }

  /** Returns the current checksum, as a signed 64-bit integer for BSON. */
  digest(): bigint {
    const low = BigInt(~this.#low >>> 0);
    return BigInt.asIntN(64, (BigInt(~this.#high >>> 0) << 32n) | low);
  }
}
