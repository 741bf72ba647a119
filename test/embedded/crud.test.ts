import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ObjectId } from 'mongodb';
import { TestEngine, failureOf } from './support/engine.ts';
import { countOf } from '../support/count.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await TestEngine.start();
});
afterAll(async () => engine.stop());

describe('inserting', () => {
  it('keeps documents as they were sent, with _id first', async () => {
    const collection = engine.fresh();
    await collection.insertMany([{ _id: 1 as never, a: { b: [1, 'x', null] } }, { a: 2 }]);
    const [first, second] = await collection.find().toArray();
    expect(first).toEqual({ _id: 1, a: { b: [1, 'x', null] } });
    expect(second?._id).toBeInstanceOf(ObjectId);
    expect(Object.keys(second ?? {})[0]).toBe('_id');
  });

  it('reports a duplicate _id with keyPattern and keyValue', async () => {
    const collection = engine.fresh();
    await collection.insertOne({ _id: 'a' as never });
    const failure = await failureOf(collection.insertOne({ _id: 'a' as never }));
    expect(failure).toMatchObject({ code: 11000, keyPattern: { _id: 1 }, keyValue: { _id: 'a' } });
    expect(failure['message']).toBe(
      `E11000 duplicate key error collection: test.${collection.collectionName} index: _id_ dup key: {"_id":"a"}`,
    );
  });

  it('stops at the first failure when ordered and goes on when not', async () => {
    const documents = [{ _id: 1 }, { _id: 1 }, { _id: 2 }].map((document) => document as never);
    const ordered = engine.fresh();
    await failureOf(ordered.insertMany(documents));
    expect(await countOf(ordered)).toBe(1);
    const unordered = engine.fresh();
    await failureOf(unordered.insertMany(documents, { ordered: false }));
    expect(await countOf(unordered)).toBe(2);
  });

  it('inserts without reply for write concern 0', async () => {
    const collection = engine.fresh();
    await collection.insertOne({ _id: 1 as never }, { writeConcern: { w: 0 } });
    await collection.updateOne({ _id: 1 as never }, { $set: { a: 1 } }, { writeConcern: { w: 0 } });
    // One connection answers in order, but the pool has several: ask until the write is there.
    let found = await collection.findOne({ a: 1 });
    while (!found) found = await collection.findOne({ a: 1 });
    expect(found).toEqual({ _id: 1, a: 1 });
  });

  it.each([
    ['an array', [1]],
    ['a regular expression', /a/],
  ])('refuses %s as _id', async (_name, id) => {
    expect(await failureOf(engine.fresh().insertOne({ _id: id as never }))).toMatchObject({ code: 2 });
  });

  it('refuses documents over 16 MiB and keeps the largest allowed', async () => {
    const collection = engine.fresh();
    const room = 16 * 1024 * 1024 - 100;
    await collection.insertOne({ _id: 1 as never, a: 'x'.repeat(room) });
    await collection.updateOne({ _id: 1 as never }, { $set: { b: 1 } });
    const failure = await failureOf(
      collection.updateOne({ _id: 1 as never }, { $set: { c: 'x'.repeat(200) } }),
    );
    expect(failure).toMatchObject({ code: 10334 });
    expect((await collection.findOne({}))?.['b']).toBe(1);
  });

  it('keeps 100 levels of nesting and refuses more', async () => {
    const collection = engine.fresh();
    const nested = (levels: number): object => (levels === 0 ? {} : { a: nested(levels - 1) });
    await collection.insertOne(nested(99));
    expect(await failureOf(collection.insertOne(nested(130)))).toMatchObject({ code: 15 });
    expect(await countOf(collection)).toBe(1);
  });
});

describe('updating', () => {
  it('counts matched and modified documents', async () => {
    const collection = engine.fresh();
    await collection.insertMany([{ a: 1 }, { a: 1, b: 2 }, { a: 3 }]);
    const result = await collection.updateMany({ a: 1 }, { $set: { b: 2 } });
    expect(result).toMatchObject({ matchedCount: 2, modifiedCount: 1, upsertedCount: 0 });
  });

  it('replaces a document but not its _id', async () => {
    const collection = engine.fresh();
    await collection.insertOne({ _id: 1 as never, a: 1 });
    await collection.replaceOne({ a: 1 }, { b: 2 });
    expect(await collection.findOne()).toEqual({ _id: 1, b: 2 });
    const replaced = collection.replaceOne({ b: 2 }, { _id: 2, b: 3 } as never);
    expect(await failureOf(replaced)).toMatchObject({ code: 66 });
    expect(await failureOf(collection.updateOne({}, { $set: { _id: 3 as never } }))).toMatchObject({
      code: 66,
    });
    expect(await failureOf(collection.updateOne({}, { $unset: { _id: 1 as never } }))).toMatchObject({
      code: 66,
    });
  });

  it('inserts what an upsert finds missing, from the filter and the update', async () => {
    const collection = engine.fresh();
    const filter = { _id: 'k' as never, task_id: 't', $or: [{ v: { $lt: 3 } }, { v: null }] };
    const first = await collection.updateOne(
      filter,
      { $set: { v: 3 }, $setOnInsert: { w: 1 } },
      { upsert: true },
    );
    expect(first).toMatchObject({ upsertedCount: 1, upsertedId: 'k', matchedCount: 0 });
    expect(await collection.findOne()).toEqual({ _id: 'k', task_id: 't', v: 3, w: 1 });
    const second = collection.updateOne(filter, { $set: { v: 3 } }, { upsert: true });
    expect(await failureOf(second)).toMatchObject({ code: 11000 });
  });

  it('runs an unordered bulk with its upserts and errors by index', async () => {
    const collection = engine.fresh();
    await collection.createIndex({ u: 1 }, { unique: true });
    await collection.insertOne({ _id: 1 as never, u: 1 });
    const failure = await failureOf(
      collection.bulkWrite(
        [
          { updateOne: { filter: { _id: 2 as never }, update: { $set: { u: 1 } }, upsert: true } },
          { replaceOne: { filter: { _id: 3 as never }, replacement: { u: 3 }, upsert: true } },
          { deleteOne: { filter: { _id: 1 as never } } },
          { insertOne: { document: { _id: 4 as never, u: 4 } } },
        ],
        { ordered: false },
      ),
    );
    expect(failure).toMatchObject({ code: 11000 });
    const ids = (await collection.find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id);
    expect(ids).toEqual([3, 4]);
  });

  it('changes every document once although the update moves it in the index', async () => {
    const collection = engine.fresh();
    await collection.createIndex({ n: 1 });
    await collection.insertMany(Array.from({ length: 500 }, (_, n) => ({ n })));
    const result = await collection.updateMany({ n: { $gte: 0 } }, { $inc: { n: 1000 } });
    expect(result.modifiedCount).toBe(500);
    expect(await countOf(collection, { n: { $gte: 1000, $lt: 1500 } })).toBe(500);
  });

  it('loses no increment of concurrent clients', async () => {
    const collection = engine.fresh();
    await collection.insertOne({ _id: 1 as never, n: 0 });
    const one = async (): Promise<unknown> => collection.updateOne({ _id: 1 as never }, { $inc: { n: 1 } });
    await Promise.all(Array.from({ length: 300 }, one));
    expect(await collection.findOne()).toEqual({ _id: 1, n: 300 });
  });
});

describe('findAndModify', () => {
  it('returns the document before or after, projected', async () => {
    const collection = engine.fresh();
    await collection.insertMany([
      { _id: 1 as never, n: 1 },
      { _id: 2 as never, n: 2 },
    ]);
    const before = await collection.findOneAndUpdate({ n: 2 }, { $inc: { n: 10 } });
    expect(before).toEqual({ _id: 2, n: 2 });
    const after = await collection.findOneAndUpdate(
      { _id: 2 as never },
      { $inc: { n: 10 } },
      { returnDocument: 'after', projection: { n: 1, _id: 0 } },
    );
    expect(after).toEqual({ n: 22 });
    expect(await collection.findOneAndReplace({ _id: 9 as never }, { a: 1 })).toBeNull();
  });

  it('hands each waiting document to one client only', async () => {
    const collection = engine.fresh();
    await collection.insertMany(
      Array.from({ length: 40 }, (_, n) => ({ _id: n as never, state: 'waiting', n })),
    );
    const claim = async (): Promise<unknown> =>
      (await collection.findOneAndUpdate({ state: 'waiting' }, { $set: { state: 'taken' } }))?._id;
    const claimed = await Promise.all(Array.from({ length: 60 }, claim));
    const ids = claimed.filter((id) => id !== undefined);
    expect(new Set(ids).size).toBe(40);
    expect(ids).toHaveLength(40);
  });
});

describe('deleting', () => {
  it('deletes one or all matching documents', async () => {
    const collection = engine.fresh();
    await collection.insertMany([{ a: 1 }, { a: 1 }, { a: 1 }, { a: 2 }]);
    expect((await collection.deleteOne({ a: 1 })).deletedCount).toBe(1);
    expect((await collection.deleteMany({ a: 1 })).deletedCount).toBe(2);
    expect(await countOf(collection)).toBe(1);
    expect(await collection.estimatedDocumentCount()).toBe(1);
  });
});

describe('collections', () => {
  it('are created, listed and dropped', async () => {
    const db = engine.client.db('lists');
    await db.createCollection('made');
    await db.collection('written').insertOne({ a: 1 });
    expect(await failureOf(db.createCollection('made'))).toMatchObject({ code: 48 });
    const names = (await db.listCollections().toArray()).map(({ name }) => name);
    expect(names.toSorted()).toEqual(['made', 'written']);
    const databases = (await engine.client.db().admin().listDatabases()).databases.map(({ name }) => name);
    expect(databases).toContain('lists');
    await db.dropCollection('written');
    expect(await countOf(db.collection('written'))).toBe(0);
    await db.dropDatabase();
    expect(await db.listCollections().toArray()).toEqual([]);
  });

  it('start empty when dropped and written again', async () => {
    const collection = engine.fresh();
    await collection.insertMany(Array.from({ length: 50 }, (_, n) => ({ n })));
    await collection.createIndex({ n: 1 }, { unique: true });
    await collection.drop();
    await collection.insertMany([{ n: 1 }, { n: 1 }]);
    expect(await countOf(collection)).toBe(2);
  });
});
