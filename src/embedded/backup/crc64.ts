/** The polynomial of ECMA-182, bits reversed, in two halves. */
const POLYNOMIAL_LOW = 0xd787_0f42;
const POLYNOMIAL_HIGH = 0xc96c_5795;

/** What a byte does to the two halves of a checksum. */
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
 * A running CRC-64 of bytes: ECMA's, as Go's hash/crc64 and XZ have it, which is what mongodump writes. It is kept in
 * two halves, because a BigInt for each byte would take a hundred times longer.
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

  /** The checksum of all bytes so far, as the signed 64-bit number that BSON has. */
  digest(): bigint {
    const low = BigInt(~this.#low >>> 0);
    return BigInt.asIntN(64, (BigInt(~this.#high >>> 0) << 32n) | low);
  }
}
