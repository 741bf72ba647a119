import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Long } from 'mongodb';
import { Cursors } from '../../src/embedded/cursors.ts';
import { TestEngine, failureOf } from './support/engine.ts';
import { countOf } from '../support/count.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await TestEngine.start();
});
afterAll(async () => engine.stop());

const numbered = (count: number): { _id: never; n: number }[] =>
  Array.from({ length: count }, (_, n) => ({ _id: n as never, n }));

describe('cursors', () => {
  it('hand out everything once in batches of any size', async () => {
    const collection = engine.fresh();
    await collection.insertMany(numbered(500));
    for (const batchSize of [1, 7, 101, 1000]) {
      expect(
        await collection
          .find({}, { batchSize })
          .map(({ n }) => n)
          .toArray(),
      ).toEqual(numbered(500).map(({ n }) => n));
    }
    expect(await collection.find({}, { limit: 150, batchSize: 60 }).toArray()).toHaveLength(150);
  });

  it('keep replies under 4 MB and a document', async () => {
    const collection = engine.fresh();
    for (let n = 0; n < 6; n++) await collection.insertOne({ _id: n as never, text: 'x'.repeat(1_500_000) });
    const reply = await engine.db.command({ find: collection.collectionName, batchSize: 100 });
    expect(reply['cursor'].firstBatch).toHaveLength(3);
    expect(
      await collection
        .find()
        .map(({ _id }) => _id)
        .toArray(),
    ).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it.each([
    ['a collection scan', {}],
    ['an index', { n: 1 }],
  ])('go on over changing data by %s: once what stays, never what was deleted', async (_name, sort) => {
    const collection = engine.fresh();
    await collection.createIndex({ n: 1 });
    await collection.insertMany(numbered(300));
    const cursor = collection.find({}, { sort: sort as never }).batchSize(50);
    const seen: unknown[] = [];
    for (let at = 0; at < 50; at++) seen.push((await cursor.next())?.['n']);
    await collection.deleteMany({ n: { $gte: 100, $lt: 200 } });
    await collection.insertOne({ _id: 999 as never, n: 999 });
    await collection.deleteOne({ n: 49 });
    for await (const { n } of cursor) seen.push(n);
    const stayed = numbered(300)
      .map(({ n }) => n)
      .filter((n) => n < 100 || n >= 200);
    expect(seen).toEqual([...stayed, 999]);
  });

  it('end with an error if their collection is dropped', async () => {
    const collection = engine.fresh();
    await collection.insertMany(numbered(10));
    const cursor = collection.find().batchSize(2);
    await cursor.next();
    await collection.drop();
    expect(await failureOf(cursor.toArray())).toMatchObject({ code: 175 });
  });

  it('can be killed, and are unknown afterwards and to other collections', async () => {
    const collection = engine.fresh();
    const name = collection.collectionName;
    await collection.insertMany(numbered(10));
    const { cursor } = await engine.db.command({ find: name, batchSize: 2 });
    const more = (of: string): Promise<unknown> => engine.db.command({ getMore: cursor.id, collection: of });
    expect(await failureOf(more('other'))).toMatchObject({ code: 13 });
    const killed = await engine.db.command({ killCursors: name, cursors: [cursor.id, Long.fromNumber(5)] });
    expect(killed).toMatchObject({ cursorsKilled: [cursor.id] });
    expect(killed['cursorsNotFound']).toHaveLength(1);
    expect(await failureOf(more(name))).toMatchObject({ code: 43 });
  });

  it('are not opened for results that fit, nor for single batches', async () => {
    const collection = engine.fresh();
    await collection.insertMany(numbered(10));
    const all = await engine.db.command({ find: collection.collectionName });
    expect(all['cursor'].id.toString()).toBe('0');
    const single = await engine.db.command({
      find: collection.collectionName,
      batchSize: 2,
      singleBatch: true,
    });
    expect(single['cursor']).toMatchObject({ firstBatch: [{ n: 0 }, { n: 1 }] });
    expect(single['cursor'].id.toString()).toBe('0');
  });

  it('are bounded in number: the longest idle one gives way', async () => {
    const cursors = new Cursors();
    const source = async () => ({ documents: [], done: false });
    const first = cursors.add('db.c', source);
    const second = cursors.add('db.c', source);
    for (let at = 2; at < 1000; at++) cursors.add('db.c', source);
    await cursors.next(first, 'db.c', 1);
    cursors.add('db.c', source);
    expect(cursors.size).toBe(1000);
    await cursors.next(first, 'db.c', 1);
    expect(await failureOf(cursors.next(second, 'db.c', 1))).toMatchObject({ code: 43 });
  });

  it('are forgotten when they have no more', async () => {
    const cursors = new Cursors();
    const id = cursors.add('db.c', async () => ({ documents: [], done: true }));
    await cursors.next(id, 'db.c', 1);
    expect(cursors.size).toBe(0);
    expect(await failureOf(cursors.next(id, 'db.c', 1))).toMatchObject({ code: 43 });
  });

  it('see what was acknowledged on another connection', async () => {
    const collection = engine.fresh();
    for (let n = 0; n < 100; n++) {
      await collection.insertOne({ n });
      const counts = await Promise.all([1, 2, 3].map(async () => countOf(collection)));
      expect(counts).toEqual([n + 1, n + 1, n + 1]);
    }
  });

  it('sort no more than memory allows', async () => {
    const collection = engine.fresh();
    for (let n = 0; n < 11; n++) await collection.insertOne({ n: -n, text: 'x'.repeat(10_000_000) });
    expect(await failureOf(collection.find().sort({ n: 1 }).toArray())).toMatchObject({ code: 292 });
    expect((await collection.find().sort({ n: 1 }).limit(1).project({ n: 1 }).toArray())[0]).toMatchObject({
      n: -10,
    });
  });
});
