import { BSON, Decimal128, Double, Int32, Long, type MongoClient, ObjectId, Timestamp } from 'mongodb';
import { sendRaw } from '../../src/embedded/index.ts';

/** Everything in a server's databases but its own: each document in hex, in natural order, and each index. */
export async function contentsOf(client: MongoClient): Promise<Record<string, unknown>> {
  const contents: Record<string, unknown> = {};
  const { databases } = await client.db('admin').admin().listDatabases();
  for (const { name } of databases) {
    for (const collection of await client.db(name).collections()) {
      const documents: string[] = [];
      for await (const document of collection.find<object>({}, { raw: true })) {
        if (!(document instanceof Uint8Array)) throw new Error('a document came decoded');
        documents.push(Buffer.from(document).toString('hex'));
      }
      contents[collection.namespace] = { documents, indexes: await collection.indexes() };
    }
  }
  return contents;
}

/** A document with one field, of bytes that the driver would not write. */
function odd(id: number, type: number, value: Buffer, name = 'odd'): Buffer {
  const fields = BSON.serialize({ _id: new Int32(id), once: null });
  const field = Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`), value]);
  const bytes = Buffer.concat([fields.subarray(0, -1), field, Buffer.alloc(1)]);
  bytes.writeInt32LE(bytes.length);
  return bytes;
}

const text = (value: string): Buffer => {
  const bytes = Buffer.from(`0000${value}\0`);
  bytes.writeInt32LE(bytes.length - 4);
  return bytes;
};

const NESTED = { _id: { b: 1, a: [1, { c: null }] }, deep: { er: [[], {}, [{ x: [] }]] } };

/** A document of every BSON type, and of what is lost where a document is decoded and encoded again. */
export const ALL_TYPES: readonly Buffer[] = [
  BSON.serialize({ _id: new Int32(1), int: new Int32(5), double: new Double(5), long: new Long(5n) }),
  BSON.serialize({ _id: new Double(2), zero: new Double(-0), nan: Number.NaN, big: new Long(2n ** 62n) }),
  BSON.serialize({
    _id: new Int32(3),
    decimal: Decimal128.fromString('3.10'),
    same: Decimal128.fromString('3.1'),
  }),
  BSON.serialize({
    _id: new ObjectId('64b000000000000000000001'),
    at: new Date(-1),
    when: new Timestamp(7n),
  }),
  BSON.serialize({ _id: 'text \u{1f3b5}', binary: new BSON.Binary(Buffer.from([0, 255]), 128), no: false }),
  BSON.serialize({ _id: new Date(0), regex: new BSON.BSONRegExp('^a', 'ix'), code: new BSON.Code('f()') }),
  BSON.serialize({ _id: true, scoped: new BSON.Code('f()', { x: 1 }), symbol: new BSON.BSONSymbol('s') }),
  BSON.serialize({ _id: new Int32(4), min: new BSON.MinKey(), max: new BSON.MaxKey(), nothing: null }),
  BSON.serialize({ _id: new BSON.Binary(Buffer.from('id')), $ref: 'a', $id: 1, 'a.b': 2, '': 3 }),
  BSON.serialize(NESTED),
  BSON.serialize(new Map([['_id', new Map([['2', 1], ['1', 2]])]])), // prettier-ignore
  odd(100, 6, Buffer.alloc(0)),
  odd(101, 12, Buffer.concat([text('tasks'), Buffer.alloc(12, 9)])),
  // A field twice, a number's unusual bits, and text that is not UTF-8.
  odd(102, 16, Buffer.from([1, 0, 0, 0]), 'once'),
  odd(103, 1, Buffer.from('010000000000f47f', 'hex')),
  odd(104, 2, Buffer.from('0300000080ff00', 'hex')),
].map((bytes) => Buffer.from(bytes));

/** Fills two databases: every type, indexes of every kind, an empty collection, a document of 2 MB. */
export async function fillWithEverything(client: MongoClient): Promise<void> {
  await sendRaw(client.db('recoup'), 'insert', 'types', ALL_TYPES);
  const indexed = client.db('recoup').collection<{ _id: number }>('indexed');
  await indexed.createIndex({ code: 1 }, { unique: true });
  await indexed.createIndex({ seen_at: 1 }, { expireAfterSeconds: 3_600, name: 'forgotten' });
  await indexed.createIndex({ tag: -1, _id: 1 });
  await indexed.insertMany(
    Array.from({ length: 500 }, (_, at) => ({
      _id: at,
      code: at,
      tag: `${at % 7}`,
    })),
  );
  await client.db('recoup').createCollection('empty');
  await client
    .db('other')
    .collection<{ _id: string; text: string }>('large')
    .insertOne({ _id: 'x', text: 'ä'.repeat(1e6) });
}
