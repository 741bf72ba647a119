import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Collection, Document } from 'mongodb';
import { TestEngine, failureOf } from './support/engine.ts';

let engine: TestEngine;
let runs: Collection;
let tasks: Collection;
beforeAll(async () => {
  engine = await TestEngine.start();
  [tasks, runs] = [engine.fresh(), engine.fresh()];
  await tasks.insertMany([
    { _id: 't1' as never, owner: 'a', tags: ['x', 'y'], runs: ['r1', 'r3'] },
    { _id: 't2' as never, owner: 'b', tags: [], runs: [] },
    { _id: 't3' as never, owner: 'a' },
  ]);
  await runs.createIndex({ task: 1 });
  await runs.insertMany([
    { _id: 'r1' as never, task: 't1', ms: 5 },
    { _id: 'r2' as never, task: 't2', ms: 7 },
    { _id: 'r3' as never, task: 't1', ms: 1.5 },
    { _id: 'r4' as never },
  ]);
});
afterAll(async () => engine.stop());

describe('aggregation', () => {
  it.each<[string, Document[], Document[]]>([
    ['$match and $count', [{ $match: { task: 't1' } }, { $count: 'n' }], [{ n: 2 }]],
    ['$count of nothing', [{ $match: { task: 'none' } }, { $count: 'n' }], []],
    [
      '$sort, $skip and $limit',
      [{ $sort: { ms: -1 } }, { $skip: 1 }, { $limit: 1 }],
      [{ _id: 'r1', task: 't1', ms: 5 }],
    ],
    [
      '$limit before $sort',
      [{ $limit: 2 }, { $sort: { ms: -1 } }, { $project: { ms: 1 } }],
      [
        { _id: 'r2', ms: 7 },
        { _id: 'r1', ms: 5 },
      ],
    ],
    [
      '$group with accumulators',
      [
        {
          $group: {
            _id: '$task',
            n: { $sum: 1 },
            sum: { $sum: '$ms' },
            avg: { $avg: '$ms' },
            min: { $min: '$ms' },
            max: { $max: '$ms' },
            ids: { $push: '$_id' },
            first: { $first: '$ms' },
            last: { $last: '$ms' },
          },
        },
        { $sort: { _id: 1 } },
      ],
      [
        { _id: null, n: 1, sum: 0, avg: null, min: null, max: null, ids: ['r4'], first: null, last: null },
        { _id: 't1', n: 2, sum: 6.5, avg: 3.25, min: 1.5, max: 5, ids: ['r1', 'r3'], first: 5, last: 1.5 },
        { _id: 't2', n: 1, sum: 7, avg: 7, min: 7, max: 7, ids: ['r2'], first: 7, last: 7 },
      ],
    ],
    [
      '$group by null with $addToSet',
      [{ $group: { _id: null, t: { $addToSet: '$task' }, n: { $count: {} } } }],
      [{ _id: null, t: ['t1', 't2'], n: 4 }],
    ],
    [
      '$project with expressions',
      [
        { $match: { _id: { $in: ['r1', 'r4'] } } },
        {
          $project: {
            _id: 0,
            long: { $gt: ['$ms', 4] },
            t: { $ifNull: ['$task', '-'] },
            o: { x: '$_id' },
            s: { $add: ['$ms', 1] },
          },
        },
      ],
      [
        { long: true, t: 't1', o: { x: 'r1' }, s: 6 },
        { long: false, t: '-', o: { x: 'r4' }, s: null },
      ],
    ],
    [
      '$addFields, $set and $unset',
      [
        { $match: { _id: 'r1' } },
        { $addFields: { 'a.b': { $concat: ['$task', '!'] } } },
        { $set: { c: { $cond: [{ $eq: ['$ms', 5] }, 1, 2] } } },
        { $unset: ['ms', 'task'] },
      ],
      [{ _id: 'r1', a: { b: 't1!' }, c: 1 }],
    ],
    ['nothing at all', [{ $match: { task: 't2' } }], [{ _id: 'r2', task: 't2', ms: 7 }]],
  ])('%s', async (_name, pipeline, expected) => {
    expect(await runs.aggregate(pipeline).toArray()).toEqual(expected);
  });

  it('joins with $lookup by a value, by array elements and by null', async () => {
    const byTask = { from: runs.collectionName, localField: '_id', foreignField: 'task', as: 'found' };
    const one = await tasks.aggregate([{ $match: { _id: 't1' as never } }, { $lookup: byTask }]).next();
    expect(one?.['found'].map((run: Document) => run['_id'])).toEqual(['r1', 'r3']);
    const byIds = { from: runs.collectionName, localField: 'runs', foreignField: '_id', as: 'found' };
    const joined = await tasks
      .aggregate([{ $lookup: byIds }, { $project: { found: '$found._id' } }])
      .toArray();
    expect(joined.map(({ found }) => found)).toEqual([['r1', 'r3'], [], []]);
    const byNull = { from: runs.collectionName, localField: 'none', foreignField: 'task', as: 'a.b' };
    const orphans = await tasks.aggregate([{ $limit: 1 }, { $lookup: byNull }]).next();
    expect(orphans?.['a'].b).toEqual([{ _id: 'r4' }]);
    const nowhere = { from: 'none', localField: 'a', foreignField: 'b', as: 'c' };
    expect((await tasks.aggregate([{ $lookup: nowhere }]).next())?.['c']).toEqual([]);
  });

  it('uses indexes for its first stages and is explained', async () => {
    const plan = await runs
      .aggregate([{ $match: { task: 't1' } }, { $group: { _id: 1, n: { $sum: 1 } } }])
      .explain();
    expect(plan['queryPlanner'].winningPlan.inputStage).toMatchObject({
      stage: 'IXSCAN',
      indexName: 'task_1',
    });
  });

  it('reads batch by batch', async () => {
    const many = engine.fresh();
    await many.insertMany(Array.from({ length: 1000 }, (_, n) => ({ n })));
    const cursor = many.aggregate([{ $match: { n: { $gte: 0 } } }, { $project: { n: 1, _id: 0 } }], {
      batchSize: 10,
    });
    expect(await cursor.map(({ n }) => n).toArray()).toEqual(Array.from({ length: 1000 }, (_, n) => n));
  });

  it.each<[string, Document, number]>([
    ['no _id', { $group: { n: { $sum: 1 } } }, 15955],
    ['a limit of 0', { $limit: 0 }, 15958],
    ['a negative skip', { $skip: -1 }, 5107200],
    ['an empty projection', { $project: {} }, 51272],
    ['two operators', { $project: { a: { $add: [1], $size: [] } } }, 15983],
  ])('refuses %s', async (_name, stage, code) => {
    expect(await failureOf(runs.aggregate([stage]).toArray())).toMatchObject({ code });
  });
});
