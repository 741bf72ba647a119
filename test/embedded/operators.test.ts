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
    { _id: 7, a: [{ b: [1, 9] }] },
    { _id: 8, a: [[5]] },
    { _id: 9, a: 'Text' },
    { _id: 10, a: true },
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
    ['$ne null excludes both', { a: { $ne: null } }, [2, 3, 4, 5, 6, 7, 8, 9, 10]],
    ['equality reaches into arrays', { a: 5 }, [2, 4]],
    ['equality with an array is whole, or an element', { a: [5] }, [8]],
    ['an empty array equals itself', { a: [] }, [3]],
    ['a document equals by all fields in order', { a: { b: 1, c: 2 } }, [5]],
    ['and not in another order', { a: { c: 2, b: 1 } }, []],
    ['dotted paths reach through arrays', { 'a.b': 1 }, [5, 6, 7]],
    ['dotted null matches what has no such field', { 'a.b': null }, [0, 1, 2, 6, 9, 10]],
    ['array positions', { 'a.0': 5 }, [4]],
    ['positions and fields', { 'a.0.b': 1 }, [6, 7]],
    ['$in with null', { a: { $in: [null, 5] } }, [0, 1, 2, 4]],
    ['$nin', { a: { $nin: [null, 5, 'Text'] } }, [3, 5, 6, 7, 8, 10]],
    ['ranges keep to the operand’s type', { a: { $gt: 0 } }, [2, 4]],
    ['$elemMatch with operators', { a: { $elemMatch: { $gt: 4, $lt: 6 } } }, [4]],
    ['$elemMatch with fields', { a: { $elemMatch: { b: 1, c: { $exists: false } } } }, [6, 7]],
    ['$size', { a: { $size: 0 } }, [3]],
    ['$all', { a: { $all: [5, 'x'] } }, [4]],
    ['$type by name', { a: { $type: 'string' } }, [4, 9]],
    ['$type of arrays', { a: { $type: 'array' } }, [3, 4, 6, 7, 8]],
    ['$type number', { a: { $type: ['number', 'bool'] } }, [2, 4, 10]],
    ['regular expressions', { a: /^te/i }, [9]],
    ['$regex with options', { a: { $regex: 'T$', $options: 'i' } }, [9]],
    ['regular expressions in $in', { a: { $in: [/^T/, true] } }, [9, 10]],
    ['$mod', { a: { $mod: [5, 0] } }, [2, 4]],
    ['$not', { a: { $not: { $gt: 0 } } }, [0, 1, 3, 5, 6, 7, 8, 9, 10]],
    ['$nor', { $nor: [{ a: 5 }, { a: null }] }, [3, 5, 6, 7, 8, 9, 10]],
    ['$or inside $and', { $and: [{ $or: [{ a: 5 }, { a: 'Text' }] }, { _id: { $gt: 2 } }] }, [4, 9]],
  ])('%s', async (_name, filter, expected) => {
    expect(await ids(filter)).toEqual(expected);
  });
});

describe('updates', () => {
  const apply = async (before: object, update: Document, filter: object = {}): Promise<unknown> => {
    const collection = engine.fresh();
    await collection.insertOne({ _id: 1 as never, ...before });
    await collection.updateOne(filter, update);
    return collection.findOne({}, { projection: { _id: 0 } });
  };

  it.each<[string, object, Document, object]>([
    ['$set makes objects on the way', {}, { $set: { 'a.b.c': 1 } }, { a: { b: { c: 1 } } }],
    ['$set fills arrays with null', { a: [1] }, { $set: { 'a.3': 2 } }, { a: [1, null, null, 2] }],
    [
      '$set adds fields in the order of their names',
      { z: 0 },
      { $set: { c: 1, a: 1, b: 1 } },
      { z: 0, a: 1, b: 1, c: 1 },
    ],
    [
      '$unset removes fields and blanks elements',
      { a: 1, b: [1, 2] },
      { $unset: { a: '', 'b.0': '', 'x.y': '' } },
      { b: [null, 2] },
    ],
    ['$inc and $mul', { a: 2 }, { $inc: { a: 3, b: 1 }, $mul: { c: 5 } }, { a: 5, b: 1, c: 0 }],
    ['$min and $max', { a: 2, b: 2 }, { $min: { a: 1, x: 9 }, $max: { b: 3 } }, { a: 1, b: 3, x: 9 }],
    ['$max by type', { a: 'x' }, { $max: { a: 99 } }, { a: 'x' }],
    ['$push', { a: [1] }, { $push: { a: [2], b: 1 } as never }, { a: [1, [2]], b: [1] }],
    [
      '$push $each $sort $slice',
      { a: [3] },
      { $push: { a: { $each: [1, 2], $sort: -1, $slice: 2 } } as never },
      { a: [3, 2] },
    ],
    [
      '$push $position',
      { a: [1, 2] },
      { $push: { a: { $each: [9], $position: -1 } } as never },
      { a: [1, 9, 2] },
    ],
    [
      '$push $slice from the end',
      { a: [1] },
      { $push: { a: { $each: [2, 3], $slice: -2 } } as never },
      { a: [2, 3] },
    ],
    [
      '$push sorts documents by fields',
      { r: [{ at: 1, id: 'b' }] },
      {
        $push: {
          r: {
            $each: [
              { at: 2, id: 'a' },
              { at: 1, id: 'a' },
            ],
            $sort: { at: -1, id: -1 },
            $slice: 2,
          },
        } as never,
      },
      {
        r: [
          { at: 2, id: 'a' },
          { at: 1, id: 'b' },
        ],
      },
    ],
    ['$addToSet', { a: [1] }, { $addToSet: { a: { $each: [1, 2, 2] } } as never }, { a: [1, 2] }],
    ['$pop', { a: [1, 2, 3], b: [1, 2] }, { $pop: { a: 1, b: -1 } }, { a: [1, 2], b: [2] }],
    ['$pull by value', { a: [1, 2, 1] }, { $pull: { a: 1 } as never }, { a: [2] }],
    ['$pull by operators', { a: [1, 5, 9] }, { $pull: { a: { $gt: 3, $lt: 9 } } as never }, { a: [1, 9] }],
    [
      '$pull by fields',
      { a: [{ b: 1, c: 1 }, { b: 2 }] },
      { $pull: { a: { b: 1 } } as never },
      { a: [{ b: 2 }] },
    ],
    ['$pullAll', { a: [1, 2, 3] }, { $pullAll: { a: [1, 3] } as never }, { a: [2] }],
    ['all elements', { a: [{ b: 1 }, { b: 2 }] }, { $inc: { 'a.$[].b': 10 } }, { a: [{ b: 11 }, { b: 12 }] }],
  ])('%s', async (_name, before, update, after) => {
    const found = await apply(before, update);
    expect(found).toEqual(after);
    expect(JSON.stringify(found)).toBe(JSON.stringify(after));
  });

  it.each<[string, object, object, object]>([
    ['a value', { a: [1, 2, 3] }, { a: 2 }, { a: [1, 'hit', 3] }],
    ['a range', { a: [1, 5, 9] }, { a: { $gt: 4 } }, { a: [1, 'hit', 9] }],
    ['$elemMatch', { a: [1, 5, 9] }, { a: { $elemMatch: { $gt: 6 } } }, { a: [1, 5, 'hit'] }],
    ['a field of the elements', { a: [{ b: 1 }, { b: 2 }] }, { 'a.b': 2 }, { a: [{ b: 1 }, 'hit'] }],
  ])('the positional $ stands for the element that met %s', async (_name, before, filter, after) => {
    expect(await apply(before, { $set: { 'a.$': 'hit' } }, filter)).toEqual(after);
  });

  it.each<[string, object, Document, number]>([
    ['a path through a number', { a: 1 }, { $set: { 'a.b': 1 } }, 28],
    ['a name in an array', { a: [1] }, { $set: { 'a.b': 1 } }, 28],
    ['$inc of text', { a: 'x' }, { $inc: { a: 1 } }, 14],
    ['$inc by text', { a: 1 }, { $inc: { a: 'x' as never } }, 14],
    ['$push to a number', { a: 1 }, { $push: { a: 1 } as never }, 2],
    ['$pull from a number', { a: 1 }, { $pull: { a: 1 } as never }, 2],
    ['conflicting paths', {}, { $set: { 'a.b': 1 }, $inc: { a: 1 } }, 40],
    ['the same path twice', {}, { $set: { a: 1 }, $inc: { a: 1 } }, 40],
    ['an unknown operator', {}, { $fix: { a: 1 } } as never, 9],
    ['an empty name', {}, { $set: { 'a..b': 1 } }, 56],
    ['a $ without a condition on the array', { a: [1] }, { $set: { 'a.$': 1 } }, 2],
  ])('refuse %s and change nothing', async (_name, before, update, code) => {
    const collection = engine.fresh();
    await collection.insertOne({ _id: 1 as never, ...before });
    expect(await failureOf(collection.updateOne({}, update))).toMatchObject({ code });
    expect(await collection.findOne()).toEqual({ _id: 1, ...before });
  });
});

describe('projections', () => {
  const document = { _id: 1, a: { b: 1, c: 2 }, l: [{ x: 1, y: 1 }, { x: 2, y: 2 }, 5], n: 3 };
  it.each<[string, Document, object]>([
    ['include', { n: 1, 'a.b': 1 }, { _id: 1, a: { b: 1 }, n: 3 }],
    ['exclude', { _id: 0, a: 0, 'l.x': 0 }, { l: [{ y: 1 }, { y: 2 }, 5], n: 3 }],
    ['only _id', { _id: 1 }, { _id: 1 }],
    ['include through arrays', { 'l.x': 1, _id: 0 }, { l: [{ x: 1 }, { x: 2 }] }],
    ['nested', { a: { c: 1 }, _id: 0 }, { a: { c: 2 } }],
    ['$slice', { l: { $slice: [1, 1] }, a: 0 }, { _id: 1, l: [{ x: 2, y: 2 }], n: 3 }],
    ['$elemMatch', { l: { $elemMatch: { x: 2 } } }, { _id: 1, l: [{ x: 2, y: 2 }] }],
  ])('%s', async (_name, projection, expected) => {
    const collection = engine.fresh();
    await collection.insertOne(document as never);
    expect(await collection.findOne({}, { projection })).toEqual(expected);
  });

  it('refuse a mixture', async () => {
    expect(await failureOf(engine.fresh().findOne({}, { projection: { a: 1, b: 0 } }))).toMatchObject({
      code: 31254,
    });
  });
});
