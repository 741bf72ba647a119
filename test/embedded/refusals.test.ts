import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import type { Document } from 'mongodb';
import { SUPPORTED } from '../../src/embedded/supported.ts';
import { TestEngine, failureOf } from './support/engine.ts';
import { differences } from '../support/traffic/compare.ts';
import { countOf } from '../support/count.ts';

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

/** What MongoDB has and the engine does not: how to ask for it, and the code of the refusal. */
const UNSUPPORTED: [kind: string, code: number, command: (name: string) => Document, names: string][] = [
  [
    'the command',
    59,
    (name) => ({ [name]: 'c' }),
    'aggregate distinct mapReduce collMod renameCollection serverStatus frobnicate',
  ],
  [
    'the option of find',
    40415,
    (name) => ({ find: 'c', [name]: 1 }),
    'skip hint collation let tailable min max returnKey txnNumber frob',
  ],
  ['the option of count', 40415, (name) => ({ count: 'c', [name]: {} }), 'query limit'],
  [
    'the query operator',
    2,
    (name) => ({ find: 'c', filter: { a: { [name]: 1 } } }),
    '$eq $not $all $elemMatch $size $mod $type $near $and $frob',
  ],
  [
    'the query operator at the top',
    2,
    (name) => ({ find: 'c', filter: { [name]: [{}] } }),
    '$nor $expr $where $text $comment $gt $frob',
  ],
  [
    'the projection by',
    2,
    (name) => ({ find: 'c', projection: { a: { [name]: 1 } } }),
    '$slice $elemMatch $meta b',
  ],
  [
    'the update operator',
    9,
    (name) => update({ u: { [name]: { a: 1 } } }),
    '$min $mul $rename $bit $currentDate $addToSet $pop $pull $frob',
  ],
  [
    'the modifier of $push',
    2,
    (name) => update({ u: { $push: { a: { $each: [], [name]: 1 } } } }),
    '$sort $position',
  ],
  ['the option of update', 40415, (name) => update({ [name]: 1 }), 'arrayFilters collation hint sort'],
  [
    'the option of delete',
    40415,
    (name) => ({ delete: 'c', deletes: [{ q: {}, limit: 1, [name]: 1 }] }),
    'hint collation',
  ],
  [
    'the option of findAndModify',
    40415,
    (name) => ({ findAndModify: 'c', update: {}, [name]: 1 }),
    'sort arrayFilters hint',
  ],
  [
    'the option of create',
    40415,
    (name) => ({ create: 'd', [name]: 1 }),
    'capped validator viewOn timeseries',
  ],
  [
    'the option of an index',
    40415,
    (name) => ({ createIndexes: 'c', indexes: [{ key: { b: 1 }, name: 'b', [name]: 1 }] }),
    'sparse partialFilterExpression collation hidden weights',
  ],
  [
    'the kind of index',
    2,
    (name) => ({ createIndexes: 'c', indexes: [{ key: { b: name }, name: 'b' }] }),
    'text 2dsphere hashed',
  ],
];

async function expectRefusal(command: Document, code: number): Promise<void> {
  const error = await engine.db.command(command).then(writeErrorOf, (failure: unknown) => failure);
  expect(error).toMatchObject({ code });
  expect(await engine.db.collection('c').findOne({}, { projection: { _id: 0 } })).toEqual({ a: [1] });
  expect(await engine.db.collection('c').indexes()).toHaveLength(1);
}

describe('what is not supported is refused', () => {
  const cases = UNSUPPORTED.flatMap(([kind, code, command, names]) =>
    names.split(' ').map((name): [string, string, number, Document] => [kind, name, code, command(name)]),
  );
  it.each(cases)('%s %s', async (_kind, _name, code, command) => expectRefusal(command, code));

  it.each<[string, Document, number]>([
    ['a path in a filter', { find: 'c', filter: { 'a.b': 1 } }, 2],
    ['a path in a sort', { find: 'c', sort: { 'a.b': 1 } }, 2],
    ['a path in a projection', { find: 'c', projection: { 'a.b': 1 } }, 2],
    ['a path in an update', update({ u: { $set: { 'a.0': 1 } } }), 2],
    ['a path in an index', { createIndexes: 'c', indexes: [{ key: { 'a.b': 1 }, name: 'b' }] }, 2],
    ['an operator after a field', { find: 'c', filter: { a: { $gt: 1, b: 1 } } }, 2],
    ['a regular expression in $in', { find: 'c', filter: { a: { $in: [/a/] } } }, 2],
    ['an empty $or', { find: 'c', filter: { $or: [] } }, 2],
    ['a bad regular expression', { find: 'c', filter: { a: { $regex: '(' } } }, 51091],
    ['the regular expression option x', { find: 'c', filter: { a: { $regex: 'a', $options: 'x' } } }, 51108],
    ['a sort by meta', { find: 'c', sort: { a: { $meta: 'textScore' } } }, 2],
    ['a negative limit', { find: 'c', limit: -1 }, 51024],
    ['a limit of the wrong type', { find: 'c', limit: 'x' }, 14],
    ['a filter of the wrong type', { find: 'c', filter: 1 }, 14],
    ['a computed projection', { find: 'c', projection: { b: '$a' } }, 2],
    ['an empty collection name', { find: '' }, 73],
    ['a system collection', { find: 'system.users' }, 73],
    ['a pipeline update', update({ u: [{ $set: { a: 1 } }] }), 9],
    ['an update without its change', update({ u: null }), 40414],
    ['a multi replacement', update({ u: { a: 1 }, multi: true }), 2],
    ['a multi upsert', update({ multi: true, upsert: true }), 2],
    ['$push of a plain value', update({ u: { $push: { a: 1 } } }), 2],
    ['an explained update', { explain: update({}) }, 40415],
    ['all indexes at once', { dropIndexes: 'c', index: '*' }, 27],
    ['an empty insert', { insert: 'c', documents: [] }, 16],
    ['a strange delete limit', { delete: 'c', deletes: [{ q: {}, limit: 2 }] }, 2],
    ['a removal by findAndModify', { findAndModify: 'c', remove: true }, 2],
  ])('%s', async (_name, command, code) => expectRefusal(command, code));

  it('with what is supported instead', async () => {
    const failure = await failureOf(engine.db.command({ mapReduce: 'c' }));
    expect(failure).toMatchObject({ code: 59 });
    expect(failure['message']).toMatch(/mapReduce.*embedded engine.*find.*MONGODB_URI/);
    const inside = await failureOf(engine.db.command({ find: 'c', filter: { a: { $size: 1 } } }));
    expect(inside['message']).toMatch(/\$size.*\$exists/);
  });
});

describe('the table of what is supported', () => {
  it('names files that are there', () => {
    const files = Object.values(SUPPORTED).flatMap(Object.keys);
    const missing = files.filter((file) => /^(src|scripts)\//.test(file) && !existsSync(file));
    expect(missing).toEqual([]);
  });

  it('is compared with what src/ sends', () => {
    const all = Object.entries(SUPPORTED).flatMap(([group, senders]) =>
      Object.values<readonly string[]>(senders).flatMap((names) => names.map((name) => `${group}\t${name}`)),
    );
    const allBut = (line: string) => new Set(all.filter((one) => one !== line));
    expect(differences(new Set(all))).toEqual([]);
    expect(differences(allBut('update.updates\tmulti'))).toEqual([]);
    expect(differences(allBut('query operators\t$nin'))).toEqual([
      expect.stringMatching(/nothing in src\/ sends \$nin/),
    ]);
    expect(differences(new Set([...all, 'find\tskip']))).toEqual([expect.stringMatching(/src\/ sends skip/)]);
  });
});

/** Write commands report their statements' failures inside a successful reply. */
function writeErrorOf(reply: Document): unknown {
  return reply['writeErrors']?.[0] ?? reply;
}

describe('harmless metadata', () => {
  it('is accepted: sessions, write concern, read preference', async () => {
    await engine.client.withSession(async (session) => {
      expect(await engine.db.collection('c').find({}, { session }).toArray()).toHaveLength(1);
    });
    const reply = await engine.db.command({ ping: 1 }, { readPreference: 'nearest' });
    expect(reply).toEqual({ ok: 1 });
    await engine.db.collection('w').insertOne({}, { writeConcern: { w: 'majority', journal: true } });
  });

  it('does not include transactions', async () => {
    await engine.client.withSession(async (session) => {
      session.startTransaction();
      await failureOf(engine.db.collection('c').insertOne({}, { session }));
      await session.abortTransaction().catch(() => undefined);
    });
    expect(await countOf(engine.db.collection('c'))).toBe(1);
  });

  it('gives up a query after maxTimeMS', async () => {
    const collection = engine.fresh();
    await collection.insertMany(Array.from({ length: 30_000 }, (_, n) => ({ n, text: 'x'.repeat(50) })));
    const slow = collection.find({ text: { $regex: 'xy' } }).maxTimeMS(1);
    expect(await failureOf(slow.toArray())).toMatchObject({ code: 50 });
  });
});
