import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Document } from 'mongodb';
import { TestEngine, failureOf } from './support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await TestEngine.start();
  await engine.db.collection('c').insertOne({ a: [1] });
});
afterAll(async () => engine.stop());

const update = (entry: Document): Document => ({
  update: 'c',
  updates: [{ q: {}, u: { $set: { a: 1 } }, ...entry }],
});

describe('what is not supported is refused with MongoDB’s code', () => {
  it.each<[string, Document, number]>([
    ['an unknown command', { frobnicate: 1 }, 59],
    ['mapReduce', { mapReduce: 'c' }, 59],
    ['an unknown field', { find: 'c', frob: 1 }, 40415],
    ['a collation', { find: 'c', collation: { locale: 'de' } }, 238],
    ['a tailable cursor', { find: 'c', tailable: true }, 238],
    ['let', { find: 'c', let: { x: 1 } }, 238],
    ['$where', { find: 'c', filter: { $where: 'true' } }, 2],
    ['$expr', { find: 'c', filter: { $expr: { $eq: [1, 1] } } }, 2],
    ['$text', { find: 'c', filter: { $text: { $search: 'x' } } }, 2],
    ['$near', { find: 'c', filter: { a: { $near: [1, 1] } } }, 2],
    ['an unknown operator', { find: 'c', filter: { a: { $frob: 1 } } }, 2],
    ['an unknown operator at the top', { find: 'c', filter: { $frob: 1 } }, 2],
    ['an operator after a field', { find: 'c', filter: { a: { $gt: 1, b: 1 } } }, 2],
    ['an empty $or', { find: 'c', filter: { $or: [] } }, 2],
    ['a bad regular expression', { find: 'c', filter: { a: { $regex: '(' } } }, 51091],
    ['the regular expression option x', { find: 'c', filter: { a: { $regex: 'a', $options: 'x' } } }, 51108],
    ['a sort by meta', { find: 'c', sort: { a: { $meta: 'textScore' } } }, 2],
    ['a negative limit', { find: 'c', limit: -1 }, 51024],
    ['a limit of the wrong type', { find: 'c', limit: 'x' }, 14],
    ['a filter of the wrong type', { find: 'c', filter: 1 }, 14],
    ['a positional projection', { find: 'c', projection: { 'a.$': 1 } }, 31394],
    ['a computed projection', { find: 'c', projection: { b: '$a' } }, 2],
    ['an empty collection name', { find: '' }, 73],
    ['a system collection', { find: 'system.users' }, 73],
    ['a transaction', { find: 'c', txnNumber: 1n, startTransaction: true, autocommit: false }, 20],
    ['a pipeline update', update({ u: [{ $set: { a: 1 } }] }), 238],
    ['arrayFilters', update({ arrayFilters: [{ x: 1 }] }), 238],
    ['filtered positions', update({ u: { $set: { 'a.$[x]': 1 } } }), 238],
    ['$rename', update({ u: { $rename: { a: 'b' } } }), 9],
    ['$bit', update({ u: { $bit: { a: { and: 1 } } } }), 9],
    ['an update collation', update({ collation: { locale: 'de' } }), 238],
    ['an update without its change', update({ u: null }), 40414],
    ['a multi replacement', update({ u: { a: 1 }, multi: true }), 2],
    ['an unknown stage', { aggregate: 'c', pipeline: [{ $frob: 1 }], cursor: {} }, 40324],
    ['$out', { aggregate: 'c', pipeline: [{ $out: 'd' }], cursor: {} }, 40324],
    ['$unwind', { aggregate: 'c', pipeline: [{ $unwind: '$a' }], cursor: {} }, 40324],
    [
      'an unknown expression',
      { aggregate: 'c', pipeline: [{ $project: { b: { $frob: 1 } } }], cursor: {} },
      168,
    ],
    [
      'an unknown accumulator',
      { aggregate: 'c', pipeline: [{ $group: { _id: 1, n: { $frob: 1 } } }], cursor: {} },
      15952,
    ],
    [
      'a $lookup pipeline',
      {
        aggregate: 'c',
        pipeline: [
          { $lookup: { from: 'c', as: 'd', localField: 'a', foreignField: 'a', pipeline: [{ $match: {} }] } },
        ],
        cursor: {},
      },
      238,
    ],
    ['an aggregation without cursor', { aggregate: 'c', pipeline: [] }, 9],
    ['a capped collection', { create: 'capped', capped: true, size: 1 }, 238],
    ['a validator', { create: 'v', validator: { a: 1 } }, 238],
    ['an empty insert', { insert: 'c', documents: [] }, 16],
    ['a strange delete limit', { delete: 'c', deletes: [{ q: {}, limit: 2 }] }, 2],
    ['both change and removal', { findAndModify: 'c', remove: true, update: { $set: { a: 1 } } }, 9],
  ])('%s', async (_name, command, code) => {
    const error = await engine.db.command(command).then(writeErrorOf, (failure: unknown) => failure);
    expect(error).toMatchObject({ code });
    expect(await engine.db.collection('c').findOne({}, { projection: { _id: 0 } })).toEqual({ a: [1] });
  });
});

/** Write commands report their statements' failures inside a successful reply. */
function writeErrorOf(reply: Document): unknown {
  return reply['writeErrors']?.[0] ?? reply;
}

describe('harmless metadata', () => {
  it('is accepted: sessions, concerns, comments, read preference', async () => {
    await engine.client.withSession(async (session) => {
      const options = { session, comment: 'x', readConcern: { level: 'majority' as const } };
      expect(await engine.db.collection('c').countDocuments({}, options)).toBe(1);
    });
    const reply = await engine.db.command({ ping: 1 }, { readPreference: 'nearest' });
    expect(reply).toEqual({ ok: 1 });
    await engine.db.collection('w').insertOne({}, { writeConcern: { w: 'majority', journal: true } });
  });

  it('does not include transactions, which the driver reports', async () => {
    await engine.client.withSession(async (session) => {
      session.startTransaction();
      const failure = await failureOf(engine.db.collection('c').insertOne({}, { session }));
      expect(failure['originalError']).toMatchObject({ code: 20 });
      await session.abortTransaction().catch(() => undefined);
    });
    expect(await engine.db.collection('c').countDocuments()).toBe(1);
  });

  it('names the command and says who refuses', async () => {
    const failure = await failureOf(engine.db.command({ mapReduce: 'c' }));
    expect(failure).toMatchObject({ codeName: 'CommandNotFound' });
    expect(failure['message']).toMatch(/mapReduce.*embedded engine.*MONGODB_URI/);
  });

  it('gives up a query after maxTimeMS', async () => {
    const collection = engine.fresh();
    await collection.insertMany(Array.from({ length: 30_000 }, (_, n) => ({ n, text: 'x'.repeat(50) })));
    const slow = collection.find({ text: { $regex: 'xy' } }).maxTimeMS(1);
    expect(await failureOf(slow.toArray())).toMatchObject({ code: 50 });
  });
});
