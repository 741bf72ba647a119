import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Collection, IndexDescription, Document } from 'mongodb';
import { TestEngine } from './support/engine.ts';
import { MODEL_SLICE, type Query, type Row, type Value, matches, sorted, updated } from './support/model.ts';
import { countOf } from '../support/count.ts';

/** Operations in all; EMBEDDED_OPERATIONS=100000 for the long run. */
const OPERATIONS = Number(process.env['EMBEDDED_OPERATIONS'] ?? 2000);
const PER_RUN = 40;
const SEED = 20_261_123;

const INDEXES: IndexDescription[] = [
  { key: { a: 1, b: -1 } },
  { key: { b: 1, a: 1, _id: -1 } },
  { key: { a: -1, n: 1 } },
];

const scalar: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom(null, -1, 0, 1, 2, 2.5, 5_000_000_000, '', 'a', 'ab', 'b', 'b\0', true, false),
  fc.constantFrom(0, 1).map((ms) => new Date(ms)),
);
const list = fc.array(scalar, { maxLength: 3 });
const nested: fc.Arbitrary<Value> = fc.record({ x: scalar }, { requiredKeys: [] });

const row = fc.record(
  { a: fc.oneof(scalar, nested), b: scalar, l: fc.oneof(list, scalar), n: fc.integer({ min: 0, max: 9 }) },
  { requiredKeys: [] },
);

const field = fc.constantFrom('a', 'b', 'l', 'n', '_id');
const condition: fc.Arbitrary<Value | object> = fc.oneof(
  scalar,
  list,
  nested,
  fc
    .tuple(fc.constantFrom('$ne', '$gt', '$gte', '$lt', '$lte'), scalar)
    .map(([name, of]) => ({ [name]: of })),
  fc
    .tuple(fc.constantFrom('$in', '$nin'), fc.array(scalar, { maxLength: 4 }))
    .map(([name, of]) => ({ [name]: of })),
  fc.tuple(scalar, scalar).map(([from, to]) => ({ $gte: from, $lt: to })),
  fc.boolean().map((wanted) => ({ $exists: wanted })),
);
const simple: fc.Arbitrary<Query> = fc.dictionary(field, condition, { minKeys: 0, maxKeys: 3 });
const query: fc.Arbitrary<Query> = fc.oneof(
  simple,
  fc
    .tuple(simple, fc.constantFrom('$or', '$and'), fc.array(simple, { minLength: 1, maxLength: 2 }))
    .map(([and, name, branches]) => ({ ...and, [name]: branches })),
);
const order: fc.Arbitrary<[string, 1 | -1][]> = fc
  .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'n'), fc.constantFrom<(1 | -1)[]>(1, -1)), {
    maxLength: 2,
    selector: ([name]) => name,
  })
  .chain((parts) => fc.constantFrom<(1 | -1)[]>(1, -1).map((last) => [...parts, ['_id', last]]));

/** A row as the driver's types take it: any field, any query. */
interface StoredRow extends Document {
  _id: number;
}

type Step =
  | { kind: 'insert'; row: object }
  | { kind: 'update'; query: Query; operator: string; name: string; operand: Value; many: boolean }
  | { kind: 'delete'; query: Query }
  | { kind: 'find'; query: Query; order: [string, 1 | -1][]; limit: number; batch: number };

const target: fc.Arbitrary<[operator: string, name: string, operand: Value]> = fc.oneof(
  fc.tuple(fc.constantFrom('$set', '$max', '$unset'), fc.constantFrom('a'), fc.oneof(scalar, nested)),
  fc.tuple(fc.constantFrom('$set', '$max', '$unset'), fc.constantFrom('b'), scalar),
  fc.tuple(fc.constantFrom('$inc'), fc.constantFrom('n'), fc.integer({ min: -3, max: 3 })),
  fc.tuple(fc.constantFrom('$push', '$pullAll'), fc.constantFrom('q'), list),
);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: row.map((of): Step => ({ kind: 'insert', row: of })) },
  {
    weight: 3,
    arbitrary: fc.tuple(query, target, fc.boolean()).map(([on, [operator, name, operand], many]): Step => ({
      kind: 'update',
      query: on,
      operator,
      name,
      operand,
      many,
    })),
  },
  { weight: 1, arbitrary: query.map((of): Step => ({ kind: 'delete', query: of })) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(query, order, fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 4 }))
      .map(([of, by, limit, batch]): Step => ({
        kind: 'find',
        query: of,
        order: by,
        limit,
        batch,
      })),
  },
);

let engine: TestEngine;
beforeAll(async () => {
  engine = await TestEngine.start();
});
afterAll(async () => engine.stop());

/** Applies a step to the collection and the model, and compares what they say. */
async function check(
  collection: Collection<StoredRow>,
  rows: Map<number, Row>,
  step: Step,
  nextId: number,
): Promise<void> {
  switch (step.kind) {
    case 'insert': {
      const fresh = { _id: nextId, ...step.row } as Row;
      await collection.insertOne({ ...fresh });
      rows.set(nextId, fresh);
      return;
    }
    case 'update': {
      const { query: on, operator, name, operand, many } = step;
      const hit = [...rows.values()].filter((candidate) => matches(candidate, on));
      const chosen = many ? hit : hit.slice(0, 1);
      const filter = (many ? on : { _id: chosen[0]?._id ?? -1 }) as object;
      const change = {
        [operator]: { [name]: operator === '$push' ? { $each: operand, $slice: -MODEL_SLICE } : operand },
      };
      const result = many
        ? await collection.updateMany(filter, change)
        : await collection.updateOne(filter, change);
      expect(result.matchedCount).toBe(chosen.length);
      for (const before of chosen) rows.set(before._id, updated(before, operator, name, operand));
      return;
    }
    case 'delete': {
      const hit = [...rows.values()].filter((candidate) => matches(candidate, step.query));
      expect((await collection.deleteMany(step.query)).deletedCount).toBe(hit.length);
      for (const { _id } of hit) rows.delete(_id);
      return;
    }
    case 'find':
      await compareFinds(collection, [...rows.values()], step);
  }
}

async function compareFinds(
  collection: Collection<StoredRow>,
  rows: Row[],
  { query: on, order: by, limit, batch }: Extract<Step, { kind: 'find' }>,
): Promise<void> {
  const all = sorted(
    rows.filter((candidate) => matches(candidate, on)),
    by,
  );
  const expected = all.slice(0, limit === 0 ? undefined : limit);
  const found = collection.find(on, { sort: new Map(by), limit, batchSize: batch });
  expect(await found.toArray()).toEqual(expected);
  const ids = (some: { _id: number }[]) => some.map(({ _id }) => _id).toSorted((x, y) => x - y);
  // No bounds come from $or, so these read all of the collection and all of each index.
  const unbounded = { $or: [on] };
  expect(ids(await collection.find(unbounded).toArray())).toEqual(ids(all));
  for (const { key } of INDEXES) {
    expect(ids(await collection.find(unbounded, { sort: { ...key } as never }).toArray())).toEqual(ids(all));
  }
  expect(await countOf(collection, on)).toBe(all.length);
}

describe('random operations', () => {
  it(`give what a plain model gives, whatever index is used (${OPERATIONS} operations)`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyStep, { minLength: PER_RUN / 2, maxLength: 1.5 * PER_RUN, size: 'max' }),
        async (steps) => {
          const collection = engine.db.collection<StoredRow>(engine.fresh().collectionName);
          await collection.createIndexes(INDEXES);
          const rows = new Map<number, Row>();
          for (const [at, each] of steps.entries()) await check(collection, rows, each, at);
          expect(await collection.find().sort({ _id: 1 }).toArray()).toEqual([...rows.values()]);
          await collection.drop();
        },
      ),
      { seed: SEED, numRuns: Math.ceil(OPERATIONS / PER_RUN), endOnFailure: false },
    );
  }, 600_000_000);
});
