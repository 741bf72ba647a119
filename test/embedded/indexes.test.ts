import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Collection, Document, FindCursor } from 'mongodb';
import { fieldNameOf } from '../../src/embedded/field-name.ts';
import { buildIndex } from '../../src/embedded/index-build.ts';
import { expire } from '../../src/embedded/janitor.ts';
import { Store } from '../../src/embedded/store.ts';
import { TestEngine, failureOf } from './support/engine.ts';
import { countOf } from '../support/count.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await TestEngine.start();
});
afterAll(async () => engine.stop());

interface Explained {
  /** Stage names from the top to the bottom. */
  stages: string[];
  index: string | undefined;
  keys: number;
  docs: number;
  returned: number;
}

async function explained(cursor: FindCursor): Promise<Explained> {
  const plan = await cursor.explain('executionStats');
  const stages: string[] = [];
  let index: string | undefined;
  for (
    let stage: Document | undefined = plan['queryPlanner'].winningPlan;
    stage;
    stage = stage['inputStage']
  ) {
    stages.push(stage['stage']);
    index ??= stage['indexName'];
  }
  const { totalKeysExamined: keys, totalDocsExamined: docs, nReturned: returned } = plan['executionStats'];
  return { stages, index, keys, docs, returned };
}

describe('plans', () => {
  let tasks: Collection;
  const day = (n: number): Date => new Date(Date.UTC(2026, 0, n));
  beforeAll(async () => {
    tasks = engine.fresh();
    await tasks.createIndex({ account_id: 1, created_at: -1, _id: 1 });
    await tasks.insertMany(
      Array.from({ length: 300 }, (_, n) => ({
        _id: `t${String(n).padStart(3, '0')}` as never,
        account_id: `a${n % 3}`,
        artist_account_id: n % 2 === 0 ? 'x' : 'y',
        enabled: n % 10 !== 0,
        created_at: day(n % 50),
      })),
    );
  });

  it('page by equality, range and order of one index and stop at the limit', async () => {
    const filter = {
      account_id: 'a1',
      artist_account_id: 'x',
      enabled: { $ne: false },
      created_at: { $lte: day(40) },
      $or: [{ created_at: { $lt: day(40) } }, { _id: { $gt: 't' as never } }],
    };
    const cursor = tasks.find(filter).sort({ created_at: -1, _id: 1 }).limit(5);
    const plan = await explained(cursor.clone());
    expect(plan.stages).toEqual(['LIMIT', 'FETCH', 'IXSCAN']);
    expect(plan.returned).toBe(5);
    expect(plan.keys).toBeLessThan(20);
    expect(await cursor.toArray()).toEqual(
      (
        await tasks
          .find({ $or: [filter] })
          .sort({ created_at: -1, _id: 1 })
          .toArray()
      ).slice(0, 5),
    );
  });

  it('read the index backwards for the opposite order and sort for a mixed one', async () => {
    const filter = { account_id: 'a1' };
    const backward = await explained(tasks.find(filter).sort({ created_at: 1, _id: -1 }).limit(3));
    expect(backward).toMatchObject({ stages: ['LIMIT', 'FETCH', 'IXSCAN'], keys: 3, docs: 3 });
    const mixed = await explained(tasks.find(filter).sort({ created_at: 1, _id: 1 }).limit(3));
    expect(mixed.stages).toEqual(['LIMIT', 'SORT', 'FETCH', 'IXSCAN']);
    expect(mixed.docs).toBe(100);
  });

  it('look up _id by key, alone or in a list', async () => {
    expect(await explained(tasks.find({ _id: 't001' as never }))).toMatchObject({
      index: '_id_',
      keys: 1,
      docs: 1,
    });
    const ids = ['t005', 't001', 'none', 't005'].map((id) => id as never);
    const list = tasks.find({ _id: { $in: ids } });
    expect(await explained(list.clone())).toMatchObject({ index: '_id_', keys: 2, docs: 2 });
    expect((await list.toArray()).map(({ _id }) => _id)).toEqual(['t001', 't005']);
  });

  it('read everything when no index helps', async () => {
    expect(await explained(tasks.find({ enabled: false }))).toMatchObject({
      stages: ['COLLSCAN'],
      docs: 300,
    });
    const sorted = await explained(tasks.find({ enabled: false }).sort({ enabled: 1 }));
    expect(sorted.stages).toEqual(['SORT', 'COLLSCAN']);
  });
});

describe('unique indexes', () => {
  it('refuse a second equal key and name index, key and value', async () => {
    const users = engine.fresh();
    await users.createIndex({ mail: 1, team: -1 }, { unique: true });
    await users.insertOne({ _id: 1 as never, mail: 'a@b', team: 7 });
    await users.insertOne({ _id: 2 as never, mail: 'a@b', team: 8 });
    const failure = await failureOf(users.insertOne({ mail: 'a@b', team: 7 }));
    expect(failure).toMatchObject({
      code: 11000,
      keyPattern: { mail: 1, team: -1 },
      keyValue: { mail: 'a@b', team: 7 },
    });
    expect(failure['message']).toContain('index: mail_1_team_-1 dup key: {"mail":"a@b","team":7}');
    expect(await failureOf(users.updateOne({ _id: 2 as never }, { $set: { team: 7 } }))).toMatchObject({
      code: 11000,
    });
    await users.updateOne({ _id: 1 as never }, { $set: { mail: 'a@b', n: 1 } });
    await users.deleteOne({ _id: 1 as never });
    await users.updateOne({ _id: 2 as never }, { $set: { team: 7 } });
  });

  it('take a missing field for null, and equal numbers for equal', async () => {
    const items = engine.fresh();
    await items.createIndex({ k: 1 }, { unique: true });
    await items.insertMany([{}, { k: 5 }]);
    expect(await failureOf(items.insertOne({ k: null }))).toMatchObject({
      code: 11000,
      keyValue: { k: null },
    });
    expect(await failureOf(items.insertOne({ k: 5.0 }))).toMatchObject({ code: 11000 });
    await items.insertOne({ k: '5' });
  });

  it('cannot be built over duplicates, and leave nothing behind', async () => {
    const items = engine.fresh();
    await items.insertMany(Array.from({ length: 500 }, (_, n) => ({ k: n % 499 })));
    expect(await failureOf(items.createIndex({ k: 1 }, { unique: true }))).toMatchObject({ code: 11000 });
    expect(await items.indexes()).toHaveLength(1);
    await items.insertOne({ k: 1 });
  });
});

describe('long keys', () => {
  const start = 'x'.repeat(5000);
  it('match, sort and are unique by their whole value', async () => {
    const items = engine.fresh();
    await items.createIndex({ k: 1 }, { unique: true });
    await items.insertMany([
      { _id: 1 as never, k: `${start}b` },
      { _id: 2 as never, k: `${start}a` },
      { _id: 3 as never, k: start },
    ]);
    expect((await items.find({ k: `${start}a` }).toArray()).map(({ _id }) => _id)).toEqual([2]);
    expect(await countOf(items, { k: `${start}c` })).toBe(0);
    expect(
      (
        await items
          .find({ k: { $gt: start } })
          .sort({ k: 1 })
          .toArray()
      ).map(({ _id }) => _id),
    ).toEqual([2, 1]);
    expect(
      (
        await items
          .find({ k: { $lt: `${start}b` } })
          .sort({ k: -1 })
          .toArray()
      ).map(({ _id }) => _id),
    ).toEqual([2, 3]);
    expect(await failureOf(items.insertOne({ k: `${start}a` }))).toMatchObject({ code: 11000 });
    await items.deleteOne({ k: `${start}a` });
    await items.insertOne({ k: `${start}a` });
  });

  it('may be _ids', async () => {
    const items = engine.fresh();
    await items.insertOne({ _id: `${start}1` as never });
    await items.insertOne({ _id: `${start}2` as never });
    expect(await countOf(items, { _id: `${start}2` as never })).toBe(1);
    expect(await failureOf(items.insertOne({ _id: `${start}1` as never }))).toMatchObject({ code: 11000 });
  });
});

describe('array fields', () => {
  it('are refused in an index and in a sort, and found by their elements', async () => {
    const items = engine.fresh();
    await items.createIndex({ k: 1 });
    await items.insertOne({ _id: 1 as never, k: 'a', t: [1, 10] });
    const refused = { code: 2, message: expect.stringMatching(/an array in '[kt]'.*embedded engine/) };
    expect(await failureOf(items.insertOne({ k: ['a'] }))).toMatchObject(refused);
    expect(await failureOf(items.updateOne({}, { $set: { k: [] } }))).toMatchObject(refused);
    expect(await failureOf(items.createIndex({ t: 1 }))).toMatchObject(refused);
    expect(await failureOf(items.find().sort({ t: 1 }).toArray())).toMatchObject(refused);
    expect(await items.find({ t: 10 }).toArray()).toEqual([{ _id: 1, k: 'a', t: [1, 10] }]);
    expect(await items.indexes()).toHaveLength(2);
  });

  it('and paths were indexed by earlier versions: such an index is dropped at the start', async () => {
    const name = engine.fresh().collectionName;
    await engine.db.collection(name).createIndex({ k: 1, l: 1 }, { unique: true });
    await engine.db.collection(name).createIndex({ m: 1 });
    await engine.db.collection(name).insertOne({ _id: 1 as never, k: 1, l: 1, m: 1 });
    await engine.client.close();
    await engine.server.close();
    const store = await Store.open(`${engine.dataDir}/store`);
    await store.write(() => {
      const collection = store.collection('test', name);
      const [idIndex, kl, m] = collection?.indexes ?? [];
      if (!collection || !idIndex || !kl || !m) throw new Error('the indexes are missing');
      const parts = m.parts.map((part) => ({ ...part, field: { text: 'a.b', bytes: Buffer.from('a.b') } }));
      store.setIndexes(collection, [idIndex, { ...kl, multikey: [false, true] }, { ...m, parts }]);
    });
    await store.close();
    await engine.restart();
    const collection = engine.db.collection(name);
    expect(await collection.indexes()).toHaveLength(1);
    await collection.insertOne({ _id: 2 as never, k: 1, l: 1, m: 1 });
    await collection.createIndex({ m: 1 });
    expect(await countOf(collection, { m: 1 })).toBe(2);
  });
});

describe('managing indexes', () => {
  it('is idempotent, refuses contradictions and drops by name', async () => {
    const items = engine.fresh();
    expect(await items.createIndex({ a: 1 })).toBe('a_1');
    expect(await items.createIndex({ a: 1 })).toBe('a_1');
    expect(await failureOf(items.createIndex({ a: 1 }, { unique: true }))).toMatchObject({ code: 85 });
    expect(await failureOf(items.createIndex({ b: 1 }, { name: 'a_1' }))).toMatchObject({ code: 86 });
    await items.createIndex({ b: 1, c: -1 }, { unique: true, name: 'bc' });
    expect(await items.indexes()).toEqual([
      { v: 2, key: { _id: 1 }, name: '_id_' },
      { v: 2, key: { a: 1 }, name: 'a_1' },
      { v: 2, key: { b: 1, c: -1 }, name: 'bc', unique: true },
    ]);
    await items.dropIndex('bc');
    expect(await failureOf(items.dropIndex('bc'))).toMatchObject({ code: 27 });
    expect(await failureOf(items.dropIndex('_id_'))).toMatchObject({ code: 72 });
    expect(await items.indexes()).toHaveLength(2);
    expect(await failureOf(engine.fresh().indexes())).toMatchObject({ code: 26 });
  });

  it('leaves a collection dropped if an index is being built on it', async () => {
    const { collectionName } = engine.fresh();
    await engine.db.collection(collectionName).insertOne({ k: 1 });
    await engine.client.close();
    await engine.server.close();
    const store = await Store.open(`${engine.dataDir}/store`);
    const collection = store.collection('test', collectionName);
    if (!collection) throw new Error('the collection is missing');
    const parts = [{ field: fieldNameOf('k'), direction: 1 } as const];
    const building = failureOf(
      buildIndex(store, collection, { name: 'k_1', parts, unique: false, expireAfterSeconds: undefined }),
    );
    await store.write(() => store.dropCollection(collection));
    expect(await building).toMatchObject({ code: 276 });
    expect(store.collection('test', collectionName)).toBeUndefined();
    await store.close();
    await engine.restart();
  });

  it('builds an index while documents are written', async () => {
    const items = engine.fresh();
    await items.insertMany(Array.from({ length: 2000 }, (_, n) => ({ _id: n as never, k: n % 7 })));
    const building = items.createIndex({ k: 1 });
    const writing = Array.from({ length: 200 }, async (_, n) =>
      items.bulkWrite([
        { updateOne: { filter: { _id: (n * 10) as never }, update: { $set: { k: 100 } } } },
        { deleteOne: { filter: { _id: (n * 10 + 1) as never } } },
        { insertOne: { document: { _id: (5000 + n) as never, k: 100 } } },
      ]),
    );
    await Promise.all([building, ...writing]);
    const byIndex = await items.find({ k: { $gte: 0 } }).toArray();
    expect(byIndex).toHaveLength(2000);
    expect(await countOf(items, { k: 100 })).toBe(400);
  });
});

describe('TTL indexes', () => {
  it('delete documents whose date is older than allowed', async () => {
    const name = engine.fresh().collectionName;
    await engine.db.collection(name).createIndex({ at: 1 }, { expireAfterSeconds: 60 });
    const at = (seconds: number): Date => new Date(1_000_000 + seconds * 1000);
    await engine.db
      .collection(name)
      .insertMany([
        { _id: 1 as never, at: at(0) },
        { _id: 2 as never, at: at(61) },
        { _id: 3 as never, at: at(-10) },
        { _id: 4 as never, at: 'never' },
        { _id: 5 as never },
      ]);
    await engine.client.close();
    await engine.server.close();
    const store = await Store.open(`${engine.dataDir}/store`);
    await expire(store, at(60));
    await store.close();
    await engine.restart();
    expect((await engine.db.collection(name).find().toArray()).map(({ _id }) => _id)).toEqual([2, 4, 5]);
    expect((await engine.db.collection(name).indexes())[1]).toMatchObject({ expireAfterSeconds: 60 });
  });

  it('leave alone what a restore is loading', async () => {
    const staged = engine.client.db('_restoring').collection<{ _id: number; at: Date }>('c0');
    await staged.createIndex({ at: 1 }, { expireAfterSeconds: 60 });
    await staged.insertOne({ _id: 1, at: new Date(0) });
    await engine.client.close();
    await engine.server.close();
    const store = await Store.open(`${engine.dataDir}/store`);
    await expire(store, new Date(1_000_000));
    const loading = store.collection('_restoring', 'c0');
    expect(loading && store.countRecords(loading)).toBe(1);
    await store.close();
    await engine.restart();
  });
});
