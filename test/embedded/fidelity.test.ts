import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import {
  BSON,
  Binary,
  Code,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from 'bson';
import fc from 'fast-check';
import { documentOf, rawOf } from '../../src/embedded/bson-writer.ts';
import { documentBytes } from '../../src/embedded/raw-bson.ts';
import { compareValues, valueKey } from '../../src/embedded/value-key.ts';
import { Store } from '../../src/embedded/store.ts';
import { entryKey, recordKey } from '../../src/embedded/store-keys.ts';
import { TestEngine, failureOf } from './support/engine.ts';
import { countOf } from '../support/count.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await TestEngine.start();
});
afterAll(async () => engine.stop());

const RAW = { raw: true, promoteValues: false } as const;

/** One value of each kind, among them those that a way through JavaScript numbers would change. */
function everyKind(): Map<string, unknown> {
  return new Map<string, unknown>([
    ['10', new Int32(1)],
    ['9', new Double(5)],
    ['negative zero', new Double(-0)],
    ['not a number', new Double(Number.NaN)],
    ['long', Long.fromString('9007199254740993')],
    ['small long', Long.fromNumber(5)],
    ['decimal', Decimal128.fromString('1.50')],
    ['date', new Date(-5)],
    ['binary', new Binary(Buffer.from([1, 2, 3]), 4)],
    ['id', new ObjectId('0123456789abcdef01234567')],
    ['time', new Timestamp({ t: 5, i: 6 })],
    ['pattern', new BSON.BSONRegExp('a+', 'i')],
    ['code', new Code('x', { y: 1 })],
    ['least', new MinKey()],
    ['greatest', new MaxKey()],
    ['symbol', new BSON.BSONSymbol('s')],
    ['nothing', null],
    ['nested', new Map([['$dollar', new Map([['dotted.name', [new Double(1), new Map()]]])]])],
    ['__proto__', new Map([['__proto__', 1]])],
  ]);
}

describe('stored bytes', () => {
  it('come back as they were sent, in order, and after a restart', async () => {
    const name = engine.fresh().collectionName;
    const document = new Map<string, unknown>([['_id', new Double(1)], ...everyKind()]);
    const sent = BSON.serialize(document as never);
    await engine.db.collection(name).insertOne(document as never);
    expect(await engine.db.collection(name).findOne({}, RAW)).toEqual(Buffer.from(sent));
    await engine.restart();
    expect(await engine.db.collection(name).findOne({}, RAW)).toEqual(Buffer.from(sent));
  });

  it('survive an update of another field untouched', async () => {
    const collection = engine.fresh();
    const kinds = [...everyKind()];
    await collection.insertOne(
      new Map<string, unknown>([['_id', 1], ...kinds, ['n', { a: [1, { b: 1 }] }]]) as never,
    );
    await collection.updateOne({}, { $set: { n: 2 } });
    const expected = new Map<string, unknown>([['_id', 1], ...kinds, ['n', 2]]);
    expect(await collection.findOne({}, RAW)).toEqual(Buffer.from(BSON.serialize(expected as never)));
  });

  it('survive a projection', async () => {
    const collection = engine.fresh();
    await collection.insertOne(
      new Map<string, unknown>([
        ['_id', 1],
        ['k', new Map(everyKind())],
        ['z', 1],
      ]) as never,
    );
    const expected = Buffer.from(BSON.serialize(new Map<string, unknown>([['k', everyKind()]]) as never));
    expect(await collection.findOne({}, { ...RAW, projection: { k: 1, _id: 0 } })).toEqual(expected);
  });
});

describe('number types', () => {
  it.each([
    ['Int32 grows into Long', new Int32(2_147_483_647), new Int32(1), Long.fromString('2147483648')],
    ['Int32 and Double make Double', new Int32(1), new Double(1), new Double(2)],
    ['Long stays Long', Long.fromNumber(1), new Int32(1), Long.fromNumber(2)],
    ['Long is exact', Long.fromString('9007199254740993'), new Int32(2), Long.fromString('9007199254740995')],
  ])('$inc: %s', async (_name, before, by, after) => {
    const collection = engine.fresh();
    await collection.insertOne({ n: before });
    await collection.updateOne({}, { $inc: { n: by as never } });
    const found = await collection.findOne({}, { promoteValues: false, projection: { _id: 0 } });
    expect(BSON.EJSON.stringify(found, { relaxed: false })).toBe(
      BSON.EJSON.stringify({ n: after }, { relaxed: false }),
    );
  });

  it('are one order for queries, indexes and sorting', async () => {
    const collection = engine.fresh();
    await collection.createIndex({ n: 1 });
    const ascending = [
      new Double(Number.NaN),
      new Double(-Infinity),
      new Double(-1.5),
      new Int32(0),
      new Double(0.1),
      new Int32(5),
      Long.fromString('9007199254740992'),
      new Double(0x20000000000002),
      new Double(Infinity),
    ];
    await collection.insertMany(ascending.map((n, _id) => ({ _id: _id as never, n })).toReversed());
    const order = ascending.map((_, at) => at);
    for (const sort of [['n'], ['n', 'none']]) {
      expect((await collection.find({}, { sort }).toArray()).map(({ _id }) => _id)).toEqual(order);
    }
    for (const equal of [new Int32(5), new Double(5), Long.fromNumber(5)]) {
      expect(await countOf(collection, { n: equal })).toBe(1);
    }
  });
});

describe('values of the kinds that are only stored', () => {
  const kinds: [string, unknown][] = [
    ['decimal', Decimal128.fromString('1')],
    ['timestamp', new Timestamp({ t: 5, i: 6 })],
    ['regex', new BSON.BSONRegExp('a')],
    ['code', new Code('x')],
    ['codeWithScope', new Code('x', { y: 1 })],
    ['symbol', new BSON.BSONSymbol('s')],
    ['minKey', new MinKey()],
    ['maxKey', new MaxKey()],
    ['64-bit number', Long.fromString('9007199254740993')],
  ];

  it.each(kinds)('are neither indexed nor compared: %s', async (name, value) => {
    const collection = engine.fresh();
    await collection.createIndex({ a: 1 });
    const refusal = { code: 2, message: expect.stringMatching(new RegExp(`\\b${name}\\b.*not supported`)) };
    expect(await failureOf(collection.insertOne({ a: value }))).toMatchObject(refusal);
    await collection.insertOne({ b: value });
    expect(await failureOf(collection.createIndex({ b: 1 }))).toMatchObject(refusal);
    expect(await failureOf(collection.find({ b: 1 }).toArray())).toMatchObject(refusal);
    expect(await failureOf(collection.find().sort({ b: 1 }).toArray())).toMatchObject(refusal);
    expect(await countOf(collection, { a: null })).toBe(1);
  });

  it('are read and updated in a directory of an earlier version, which indexed them', async () => {
    const name = engine.fresh().collectionName;
    const document = { _id: Decimal128.fromString('1.0'), n: new Int32(1) };
    await engine.client.close();
    await engine.server.close();
    const store = await Store.open(join(engine.dataDir, 'store'));
    await store.write(() => {
      const collection = store.obtainCollection(engine.db.databaseName, name);
      store.records.put(recordKey(collection.id, 1), Buffer.from(BSON.serialize(document)));
      const key = valueKey(rawOf(new Int32(1)));
      store.entries.put(entryKey(collection.indexes[0]?.id ?? 0, key, 1), Buffer.alloc(0));
    });
    await store.close();
    await engine.restart();
    const collection = engine.db.collection(name);
    await collection.updateOne({}, { $set: { n: 2 } });
    const expected = Buffer.from(BSON.serialize({ ...document, n: new Int32(2) }));
    expect(await collection.find({}, { ...RAW, sort: { _id: 1 } }).toArray()).toEqual([expected]);
  });
});

const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.double().map((n) => new Double(n)),
  fc.integer().map((n) => new Int32(n)),
  fc.maxSafeInteger().map((n) => Long.fromNumber(n)),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', '\0', 'a', 'a\0', 'a\0b'),
  fc.boolean(),
  fc.constant(null),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => new Binary(bytes)),
  fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => new ObjectId(bytes)),
);
const anyValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', '__proto', 'ab'), tie('value'), { maxKeys: 3 }),
  ),
})).value;

describe('the order of values', () => {
  const raw = (value: unknown): ReturnType<typeof rawOf> => rawOf(value as never);

  it('is the order of their keys, which are never prefixes of each other', () => {
    fc.assert(
      fc.property(anyValue, anyValue, (left, right) => {
        const [a, b] = [raw(left), raw(right)];
        const [x, y] = [valueKey(a), valueKey(b)];
        expect(Math.sign(compareValues(a, b))).toBe(Math.sign(Buffer.compare(x, y)));
        if (!x.equals(y)) expect(y.subarray(0, x.length).equals(x)).toBe(false);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  it('tells texts apart that begin alike, and not -0 from 0', () => {
    const texts = ['', '\0', '\0\0', '\0a', 'a', 'a\0', 'a\0\0', 'a\0b', 'aa', 'b'];
    for (const [at, left] of texts.entries()) {
      for (const [other, right] of texts.entries()) {
        const [x, y] = [valueKey(raw(left)), valueKey(raw(right))];
        expect(Math.sign(Buffer.compare(x, y))).toBe(Math.sign(at - other));
        if (at !== other) expect(y.subarray(0, x.length).equals(x)).toBe(false);
      }
    }
    expect(valueKey(raw(new Double(-0)))).toEqual(valueKey(raw(new Int32(0))));
  });

  it('is that of JavaScript for numbers it can tell apart', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (left, right) => {
        const expected = left < right ? -1 : left > right ? 1 : 0;
        expect(Math.sign(compareValues(raw(new Double(left)), raw(new Double(right))))).toBe(expected);
      }),
      { seed: 2, numRuns: 2000 },
    );
  });

  it('puts types in the order of MongoDB', () => {
    const ascending = [
      null,
      new Int32(5),
      'a',
      { a: 1 },
      [1],
      new Binary(Buffer.of(1)),
      new ObjectId(),
      false,
      true,
      new Date(0),
    ].map(raw);
    for (let at = 1; at < ascending.length; at++) {
      expect(compareValues(ascending[at - 1], ascending[at])).toBeLessThan(0);
    }
    expect(documentBytes(documentOf([]))).toEqual(Buffer.from([5, 0, 0, 0, 0]));
  });
});
