import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Binary } from 'mongodb';
import { TestEngine } from './support/engine.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await TestEngine.start();
});
afterAll(() => engine.stop());

/** The size of `{_id, data}` without its data. */
const REST = 25;
const LARGEST = 16 * 1024 * 1024 - REST;
interface Sized {
  _id: number;
  data: Binary;
}
const sized = (_id: number, size: number): Sized => ({ _id, data: new Binary(Buffer.alloc(size, _id + 1)) });

const fresh = () => engine.db.collection<Sized>(engine.fresh().collectionName);

/** The size of each document, by id. Fails if any byte is not its document's. */
function sizesOf(documents: Sized[]): [id: number, size: number][] {
  return documents.map(({ _id, data }) => {
    const { length } = data.buffer;
    expect(Buffer.from(data.buffer).equals(Buffer.alloc(length, _id + 1))).toBe(true);
    return [_id, length];
  });
}

// lmdb reads into a buffer that just holds it.
it('reads a document of the largest size', async () => {
  const documents = fresh();
  const largest = sized(1, LARGEST);
  await documents.insertOne(largest);
  const filter = { data: { $exists: true } };
  expect(sizesOf(await documents.find(filter).toArray())).toEqual([[1, LARGEST]]);
  expect((await documents.updateOne(filter, { $set: { data: sized(1, 1).data } })).modifiedCount).toBe(1);
  expect(sizesOf(await documents.find(filter).toArray())).toEqual([[1, 1]]);
});

it('reads small and large documents with cursors that take turns', async () => {
  const size = fc.oneof(fc.nat(64), fc.nat(5_000), fc.constantFrom(4_063, 32_768, 70_000, 300_000));
  await fc.assert(
    fc.asyncProperty(fc.array(size, { minLength: 2, maxLength: 12 }), async (sizes) => {
      const documents = fresh();
      await documents.insertMany(sizes.map((length, id) => sized(id, length)));
      const expected = sizes.map((length, id): [number, number] => [id, length]);
      const filter = { data: { $exists: true } };
      const ways = [
        documents.find(filter, { batchSize: 2, sort: { _id: 1 } }),
        documents.find(filter, { batchSize: 3, sort: { data: 1, _id: 1 } }),
        documents.find(filter, { batchSize: 2, projection: { data: 1 } }),
        documents.find({ _id: { $in: sizes.map((_, id) => id) } }, { batchSize: 2, projection: { none: 0 } }),
      ];
      const read = ways.map((): Sized[] => []);
      for (let isOpen = true; isOpen;) {
        const next = await Promise.all(ways.map((cursor) => cursor.next()));
        next.forEach((document, at) => document && read[at]?.push(document));
        isOpen = next.some((document) => document !== null);
      }
      for (const found of read) {
        expect(sizesOf(found).toSorted(([one], [other]) => one - other)).toEqual(expected);
      }
    }),
    { numRuns: 15, seed: 20_261_126 },
  );
});
