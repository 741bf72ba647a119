import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Document } from 'mongodb';
import { TestEngine, failureOf } from './support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await TestEngine.start();
});
afterAll(async () => engine.stop());

describe('queries', () => {
  const documents = [
    { _id: 0 },
    { _id: 1, a: null },
    { _id: 2, a: 5 },
    { _id: 3, a: [] },
    { _id: 4, a: [5, 'x'] },
    { _id: 5, a: { b: 1, c: 2 } },
    { _id: 6, a: [{ b: 1 }, { c: 2 }] },
    { _id: 7, a: [[5]] },
    { _id: 8, a: 'Text' },
    { _id: 9, a: true },
  ];
  let ids: (filter: object) => Promise<number[]>;
  beforeAll(async () => {
    const collection = engine.db.collection<{ _id: number }>(engine.fresh().collectionName);
    await collection.insertMany(documents);
    ids = async (filter) => (await collection.find(filter).sort({ _id: 1 }).toArray()).map(({ _id }) => _id);
  });

  it.each<[string, object, number[]]>([
    ['null matches null and missing', { a: null }, [0, 1]],
    ['$gte null likewise', { a: { $gte: null } }, [0, 1]],
    ['$exists false matches missing only', { a: { $exists: false } }, [0]],
    ['$ne null excludes both', { a: { $ne: null } }, [2, 3, 4, 5, 6, 7, 8, 9]],
    ['equality reaches into arrays', { a: 5 }, [2, 4]],
    ['equality with an array is whole, or an element', { a: [5] }, [7]],
    ['an empty array equals itself', { a: [] }, [3]],
    ['a document equals by all fields in order', { a: { b: 1, c: 2 } }, [5]],
    ['and not in another order', { a: { c: 2, b: 1 } }, []],
    ['$in with null', { a: { $in: [null, 5] } }, [0, 1, 2, 4]],
    ['$nin', { a: { $nin: [null, 5, 'Text'] } }, [3, 5, 6, 7, 9]],
    ['ranges keep to the operand’s type', { a: { $gt: 0 } }, [2, 4]],
    ['regular expressions', { a: /^te/i }, [8]],
    ['$regex with options', { a: { $regex: 'T$', $options: 'i' } }, [8]],
    ['$or inside $and', { $and: [{ $or: [{ a: 5 }, { a: 'Text' }] }, { _id: { $gt: 2 } }] }, [4, 8]],
  ])('%s', async (_name, filter, expected) => {
    expect(await ids(filter)).toEqual(expected);
  });
});

describe('updates', () => {
  it.each<[string, object, Document, object]>([
    [
      '$set adds fields in the order of their names',
      { z: 0 },
      { $set: { c: 1, a: 1, b: 1 } },
      { z: 0, a: 1, b: 1, c: 1 },
    ],
    ['$unset removes fields', { a: 1, b: 2 }, { $unset: { a: '', x: '' } }, { b: 2 }],
    ['$inc', { a: 2 }, { $inc: { a: 3, b: 1 } }, { a: 5, b: 1 }],
    ['$max', { a: 2, b: 2 }, { $max: { a: 1, b: 3, x: 9 } }, { a: 2, b: 3, x: 9 }],
    ['$max by type', { a: 'x' }, { $max: { a: 99 } }, { a: 'x' }],
    [
      '$push',
      { a: [1] },
      { $push: { a: { $each: [[2], 3] }, b: { $each: [] } } as never },
      { a: [1, [2], 3], b: [] },
    ],
    [
      '$push $slice from the end',
      { a: [1] },
      { $push: { a: { $each: [2, 3], $slice: -2 } } as never },
      { a: [2, 3] },
    ],
    [
      '$push $slice from the start',
      { a: [1] },
      { $push: { a: { $each: [2, 3], $slice: 2 } } as never },
      { a: [1, 2] },
    ],
    ['$pullAll', { a: [1, 2, 3] }, { $pullAll: { a: [1, 3], b: [1] } as never }, { a: [2] }],
    ['$setOnInsert leaves what is there', { a: 1 }, { $setOnInsert: { a: 2, b: 2 } }, { a: 1 }],
  ])('%s', async (_name, before, update, after) => {
    const collection = engine.fresh();
    await collection.insertOne({ _id: 1 as never, ...before });
    await collection.updateOne({}, update);
    const found = await collection.findOne({}, { projection: { _id: 0 } });
    expect(found).toEqual(after);
    expect(JSON.stringify(found)).toBe(JSON.stringify(after));
  });

  it.each<[string, object, Document, number]>([
    ['$inc of text', { a: 'x' }, { $inc: { a: 1 } }, 14],
    ['$inc by text', { a: 1 }, { $inc: { a: 'x' as never } }, 14],
    ['$push to a number', { a: 1 }, { $push: { a: { $each: [1] } } as never }, 2],
    ['$pullAll from a number', { a: 1 }, { $pullAll: { a: [1] } as never }, 2],
    ['the same field twice', {}, { $set: { a: 1 }, $inc: { a: 1 } }, 40],
    ['an empty name', {}, { $set: { '': 1 } }, 2],
  ])('refuse %s and change nothing', async (_name, before, update, code) => {
    const collection = engine.fresh();
    await collection.insertOne({ _id: 1 as never, ...before });
    expect(await failureOf(collection.updateOne({}, update))).toMatchObject({ code });
    expect(await collection.findOne()).toEqual({ _id: 1, ...before });
  });
});

describe('projections', () => {
  it.each<[string, Document, object]>([
    ['include', { n: 1, a: true }, { _id: 1, a: { b: 1 }, n: 3 }],
    ['include without _id', { n: 1, _id: 0 }, { n: 3 }],
    ['exclude', { a: 0, l: false }, { _id: 1, n: 3 }],
    ['exclude _id too', { _id: 0, a: 0, l: 0 }, { n: 3 }],
    ['only _id', { _id: 1 }, { _id: 1 }],
    ['all but _id', { _id: 0 }, { a: { b: 1 }, l: [1], n: 3 }],
  ])('%s', async (_name, projection, expected) => {
    const collection = engine.fresh();
    await collection.insertOne({ _id: 1 as never, a: { b: 1 }, l: [1], n: 3 });
    expect(await collection.findOne({}, { projection })).toEqual(expected);
  });

  it('refuse a mixture', async () => {
    expect(await failureOf(engine.fresh().findOne({}, { projection: { a: 1, b: 0 } }))).toMatchObject({
      code: 31254,
    });
  });
});
