/** The polynomial of ECMA-182, bits reversed, in two halves. */
const POLYNOMIAL_LOW = 0xd787_0f42;
const POLYNOMIAL_HIGH = 0xc96c_5795;
/** Bytes taken in one step, each by a table of its own. */
const STEP = 8;
const ENTRY_BYTES = 8;
const TABLE_BYTES = 256 * ENTRY_BYTES;

/** Table n tells what a byte does that stands n bytes before the end of its step. A DataView is the fastest to read. */
const TABLES = makeTables();

function makeTables(): DataView {
  const tables = new DataView(new ArrayBuffer(STEP * TABLE_BYTES));
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
    tables.setInt32(byte * ENTRY_BYTES, low);
    tables.setInt32(byte * ENTRY_BYTES + 4, high);
  }
  for (let at = TABLE_BYTES; at < STEP * TABLE_BYTES; at += ENTRY_BYTES) {
    const low = tables.getInt32(at - TABLE_BYTES);
    const high = tables.getInt32(at - TABLE_BYTES + 4);
    const byte = (low & 0xff) * ENTRY_BYTES;
    tables.setInt32(at, ((low >>> 8) | (high << 24)) ^ tables.getInt32(byte));
    tables.setInt32(at + 4, (high >>> 8) ^ tables.getInt32(byte + 4));
  }
  return tables;
}

/**
 * A running CRC-64 of bytes: ECMA's, as Go's hash/crc64 and XZ have it, which is what mongodump writes. It is kept in
 * two halves, because a BigInt for each byte would take a hundred times longer.
 */
export class Crc64 {
  #low = -1;
  #high = -1;

  update(bytes: Buffer): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const stop = bytes.length - (bytes.length % STEP);
    for (let at = 0; at < stop; at += STEP) {
      this.#step(this.#low ^ view.getInt32(at, true), this.#high ^ view.getInt32(at + 4, true));
    }
    for (let at = stop; at < bytes.length; at++) {
      const entry = ((this.#low ^ view.getUint8(at)) & 0xff) * ENTRY_BYTES;
      this.#low = ((this.#low >>> 8) | (this.#high << 24)) ^ TABLES.getInt32(entry);
      this.#high = (this.#high >>> 8) ^ TABLES.getInt32(entry + 4);
    }
  }

  #step(first: number, second: number): void {
    let low = 0;
    let high = 0;
    for (let byte = 0; byte < 4; byte++) {
      const shift = byte * 8;
      const one = (STEP - 1 - byte) * TABLE_BYTES + ((first >>> shift) & 0xff) * ENTRY_BYTES;
      const two = (3 - byte) * TABLE_BYTES + ((second >>> shift) & 0xff) * ENTRY_BYTES;
      low ^= TABLES.getInt32(one) ^ TABLES.getInt32(two);
      high ^= TABLES.getInt32(one + 4) ^ TABLES.getInt32(two + 4);
    }
    this.#low = low;
    this.#high = high;
  }

  /** The checksum of all bytes so far, as the signed 64-bit number that BSON has. */
  digest(): bigint {
    const low = BigInt(~this.#low >>> 0);
    return BigInt.asIntN(64, (BigInt(~this.#high >>> 0) << 32n) | low);
  }
}
