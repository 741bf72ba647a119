/** Size in bytes of the collection or index id at the start of every key. */
export const OWNER_BYTES = 4;
/** Size in bytes of the record number that ends every key: enough for 2^48 documents per collection. */
const RECORD_BYTES = 6;

/** Returns the prefix of all keys of a collection or index. */
export function ownerPrefix(id: number): Buffer {
  const bytes = Buffer.allocUnsafe(OWNER_BYTES);
  bytes.writeUInt32BE(id);
  return bytes;
}

/** Returns the key of a document in the table `records`. */
export function recordKey(collection: number, record: number): Buffer {
  const bytes = Buffer.allocUnsafe(OWNER_BYTES + RECORD_BYTES);
  bytes.writeUInt32BE(collection);
  bytes.writeUIntBE(record, OWNER_BYTES, RECORD_BYTES);
  return bytes;
}

/** Returns the key of an index entry: the index id, the stored form of the values, the record number. */
export function entryKey(index: number, values: Buffer, record: number): Buffer {
  const bytes = Buffer.allocUnsafe(OWNER_BYTES + values.length + RECORD_BYTES);
  bytes.writeUInt32BE(index);
  values.copy(bytes, OWNER_BYTES);
  bytes.writeUIntBE(record, OWNER_BYTES + values.length, RECORD_BYTES);
  return bytes;
}

/** Returns the prefix of all entries of an index with these values. */
export function entryPrefix(index: number, values: Buffer): Buffer {
  return Buffer.concat([ownerPrefix(index), values]);
}

/** Reads the record number at the end of a key of `records` or `entries`. */
export function recordOf(key: Buffer): number {
  return key.readUIntBE(key.length - RECORD_BYTES, RECORD_BYTES);
}
