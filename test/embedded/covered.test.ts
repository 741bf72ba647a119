import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import {
  Binary,
  type Collection,
  type Document,
  Double,
  type Filter,
  Int32,
  Long,
  ObjectId,
  type Sort,
} from 'mongodb';
import { Store } from '../../src/embedded/store.ts';
import { TestEngine } from './support/engine.ts';
import { countOf } from '../support/count.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await TestEngine.start();
});
afterAll(async () => engine.stop());

/** The replies, byte by byte, in an order that does not depend on the plan. */
async function bytesOf(cursor: { toArray(): Promise<Document[]> }): Promise<string[]> {
  return (await cursor.toArray()).map((raw) => Buffer.from(raw as Uint8Array).toString('hex')).toSorted();
}

interface Query {
  filter?: Filter<Document>;
  fields: string[];
  sort: Sort;
}

/** What a query reads through its index; fails if it gives anything else than the documents themselves do. */
async function read(collection: Collection, { filter = {}, fields, sort }: Query) {
  const projection = Object.fromEntries(fields.map((field) => [field, 1]));
  const options = { projection, raw: true };
  const found = await bytesOf(collection.find(filter, { ...options, sort }));
  const expected = await bytesOf(collection.find({ $or: [filter] }, options));
  expect(found).toEqual(expected);
  const plan = await collection.find(filter, { projection, sort }).explain('executionStats');
  const { winningPlan } = plan['queryPlanner'];
  return {
    stages: [winningPlan.stage, winningPlan.inputStage?.stage],
    returned: plan['executionStats'].nReturned,
    docs: plan['executionStats'].totalDocsExamined,
  };
}

const COVERED = ['PROJECTION_COVERED', 'IXSCAN'];
const FETCHED = ['FETCH', 'IXSCAN'];

describe('a query whose fields are all in an index reads no document', () => {
  let tasks: Collection;
  const sort: Sort = { created_at: -1, _id: 1 };
  const fields = ['_id', 'created_at', 'version'];
  beforeAll(async () => {
    tasks = engine.fresh();
    await tasks.createIndex({ created_at: -1, _id: 1, version: 1, enabled: 1 });
    await tasks.createIndex({
      account_id: 1,
      created_at: -1,
      _id: 1,
      version: 1,
      enabled: 1,
      artist_account_id: 1,
    });
    await tasks.insertMany(
      Array.from({ length: 300 }, (_, n) => ({
        _id: `t${n}` as never,
        text: 'x'.repeat(100),
        created_at: new Date(Date.UTC(2026, 0, n % 50)),
        version: n,
        account_id: `a${n % 3}`,
        artist_account_id: n % 2 === 0 ? 'x' : 'y',
        ...[{}, { enabled: null }, { enabled: false }, { enabled: true }][n % 4],
      })),
    );
  });

  test.each<[string, Filter<Document>, number]>([
    ['nothing', {}, 300],
    ['an equality', { account_id: 'a1' }, 100],
    ['a field behind the order', { enabled: { $ne: false } }, 225],
    ['its opposite', { enabled: false }, 75],
    ['null, which a missing field is too', { enabled: null }, 150],
    ['two fields', { account_id: 'a1', artist_account_id: 'x' }, 50],
    ['all of them', { account_id: 'a1', artist_account_id: 'x', enabled: { $ne: false } }, 25],
    [
      'a position in the order',
      {
        created_at: { $lte: new Date(Date.UTC(2026, 0, 9)) },
        $or: [{ created_at: { $lt: new Date(Date.UTC(2026, 0, 9)) } }, { _id: { $gt: 't2' as never } }],
      },
      // Nine whole days of six tasks, and of the tenth t209, t259, t59 and t9.
      58,
    ],
  ])('filtered by %s', async (_name, filter, returned) => {
    expect(await read(tasks, { filter, fields, sort })).toEqual({ stages: COVERED, returned, docs: 0 });
  });

  test.each<[string, Query]>([
    ['a field is not in the index', { fields: [...fields, 'text'], sort }],
    ['the filter is about another one', { filter: { text: { $ne: 'y' } }, fields, sort }],
    ['keys do not tell what the filter asks', { filter: { enabled: { $exists: true } }, fields, sort }],
    ['the index has no _id', { filter: { z: null }, fields: ['z'], sort: { z: 1 } }],
  ])('but does where %s', async (_name, query) => {
    await tasks.createIndex({ z: 1 });
    const { stages, docs } = await read(tasks, query);
    expect(stages).toEqual(FETCHED);
    expect(docs).toBeGreaterThan(0);
  });

  it('in pages, in order and within the limit', async () => {
    const cursor = tasks.find({}, { projection: { version: 1 }, sort, batchSize: 7, limit: 40 });
    const whole = await tasks.find({}, { sort }).toArray();
    const expected = whole.map(({ _id, version }) => ({ _id, version }));
    expect(await cursor.toArray()).toEqual(expected.slice(0, 40));
  });
});

/** Values of one kind, and how many of them their keys do not tell, so that the documents are read. */
const KINDS: [string, unknown[], number][] = [
  ['32-bit numbers', [0, 1, -1, 2_147_483_647, -2_147_483_648].map((n) => new Int32(n)), 0],
  ['doubles', [0.5, -1.5, 7, 1e300, -5e-324, Infinity, -Infinity, 0, -0, NaN].map((n) => new Double(n)), 10],
  ['64-bit numbers', [Long.ZERO, Long.fromNumber(2 ** 53), Long.MIN_VALUE], 3],
  ['texts', ['', 'a', 'a\0', '\0', 'a\0b', 'a\u0001', 'é€😀', '\u00ff', 'x'.repeat(1000)], 0],
  ['dates', [0, 1, -1, 8.64e15, -8.64e15].map((ms) => new Date(ms)), 0],
  ['ids', [new ObjectId('000000000000000000000000'), new ObjectId('ffffffffffffffffffffffff')], 2],
  ['truth values', [true, false], 0],
  ['nothing', [null, undefined], 2],
  ['numbers of several types', [new Int32(1), new Double(1), new Long(1)], 3],
  ['other kinds', [new Binary(Buffer.from([0, 255])), { a: 1 }], 2],
  ['kinds side by side', [new Int32(3), 'a', true, new Date(5), new ObjectId('00ff00ff00ff00ff00ff00ff')], 1],
];

describe.each([1, -1] as const)(
  'values come out of an index in direction %d as they went in',
  (direction) => {
    test.each(KINDS)('%s', async (_name, values, docs) => {
      const collection = engine.fresh();
      await collection.createIndex({ b: direction, a: direction, _id: direction, c: 1 });
      await collection.createIndex({ b: direction, _id: direction, a: direction });
      await collection.insertMany(
        values.map((a, n) => ({ _id: `d${n}` as never, ...(a !== undefined && { a }), b: 'b\0b', c: n })),
      );
      const covered = { stages: COVERED, returned: values.length, docs };
      const between: Query = { filter: { b: 'b\0b', c: { $ne: -1 } }, fields: ['a'], sort: { a: 1 } };
      expect(await read(collection, between)).toEqual(covered);
      const atTheEnd: Query = { filter: { b: 'b\0b' }, fields: ['a'], sort: { _id: 1 } };
      expect(await read(collection, atTheEnd)).toEqual(covered);
    });
  },
);

describe('what an index has met later counts too', () => {
  const sort: Sort = { n: 1, _id: 1 };
  const fields = ['n'];
  async function filled(): Promise<Collection> {
    const collection = engine.fresh();
    await collection.createIndex({ n: 1, _id: 1 });
    await collection.insertMany([1, 2, 3, 4].map((n) => ({ _id: `d${n}` as never, n })));
    expect(await read(collection, { fields, sort })).toMatchObject({ stages: COVERED, docs: 0 });
    return collection;
  }

  it('a number that becomes an equal one of another type', async () => {
    const collection = await filled();
    await collection.updateOne({ _id: 'd2' as never }, { $set: { n: new Double(2) } });
    expect(await read(collection, { fields, sort })).toMatchObject({ docs: 4 });
  });

  it('a key too long to be kept', async () => {
    const collection = await filled();
    await collection.insertOne({ n: 'x'.repeat(3000) } as never);
    const plan = await collection.find({ n: 1 }, { projection: { n: 1 } }).explain();
    expect(plan['queryPlanner'].winningPlan.stage).toBe('FETCH');
    expect(await countOf(collection, { n: 1 })).toBe(1);
  });

  it('also for a cursor that is open already', async () => {
    const collection = await filled();
    const cursor = collection.find({}, { projection: { n: 1 }, sort, batchSize: 2, promoteValues: false });
    expect([(await cursor.next())?.['n'], (await cursor.next())?.['n']]).toEqual([
      new Int32(1),
      new Int32(2),
    ]);
    await collection.insertOne({ _id: 'd9' as never, n: new Double(9) });
    const rest = await cursor.toArray();
    expect(rest.map(({ n }) => n)).toStrictEqual([new Int32(3), new Int32(4), new Double(9)]);
  });

  it('after a restart, and not before where an older format did not note it', async () => {
    const { collectionName } = await filled();
    const collection = () => engine.db.collection(collectionName);
    await engine.restart();
    expect(await read(collection(), { fields, sort })).toMatchObject({ stages: COVERED, docs: 0 });

    await engine.client.close();
    await engine.server.close();
    await rewriteAsFormat1(join(engine.dataDir, 'store'));
    await engine.restart();
    await collection().updateOne({ _id: 'd1' as never }, { $set: { n: new Double(1) } });
    await collection().insertOne({ _id: 'd5' as never, n: 5 });
    expect(await read(collection(), { fields, sort })).toMatchObject({ stages: FETCHED, docs: 5 });

    await collection().dropIndex('n_1__id_1');
    await collection().updateOne({ _id: 'd1' as never }, { $set: { n: new Int32(1) } });
    await collection().createIndex({ n: 1, _id: 1 });
    expect(await read(collection(), { fields, sort })).toMatchObject({ stages: COVERED, docs: 0 });
  });
});

/** Makes a closed store what format 1 was: the same without the types of numbers. */
async function rewriteAsFormat1(path: string): Promise<void> {
  const store = await Store.open(path);
  await store.write(() => {
    for (const collection of store.collections()) {
      const indexes = collection.indexes.map((index) => ({ ...index, numbers: undefined }));
      store.setIndexes(collection, indexes);
    }
    store.setFormat(1);
  });
  await store.close();
}
