import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Collection, Long } from 'mongodb';
import { TestEngine, failureOf } from './support/engine.ts';
import { connectTo, endAll, killHard, spawnEngine } from './support/processes.ts';
import { countOf } from '../support/count.ts';

const KILLS = 10;
const WRITERS = 8;

interface Numbered {
  _id: string;
  n: number;
  even: boolean;
}

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'embedded-test-'));
});
afterEach(async () => {
  await endAll();
  await rm(home, { recursive: true, force: true });
});

describe('restarting', () => {
  it('keeps documents, indexes and their properties', async () => {
    const engine = await TestEngine.start();
    const name = engine.fresh().collectionName;
    await engine.db.collection(name).createIndex({ tag: 1, n: -1 }, { name: 'tags' });
    await engine.db.collection(name).createIndex({ mail: 1 }, { unique: true });
    await engine.db.collection(name).insertMany([
      { _id: 1 as never, tag: 'a', n: Long.fromNumber(5), mail: 'x' },
      { _id: 2 as never, tag: 'a', n: 1, mail: 'y' },
    ]);
    await engine.restart();
    const collection = engine.db.collection(name);
    expect((await collection.indexes()).map((index) => index.name)).toEqual(['_id_', 'tags', 'mail_1']);
    expect(
      await collection
        .find({ tag: 'a' })
        .sort({ _id: 1 })
        .map(({ _id }) => _id)
        .toArray(),
    ).toEqual([1, 2]);
    const plan = await collection.find({ tag: 'a' }).explain();
    expect(plan).toMatchObject({ queryPlanner: { winningPlan: { inputStage: { indexName: 'tags' } } } });
    expect(await failureOf(collection.insertOne({ mail: 'x' }))).toMatchObject({ code: 11000 });
    await collection.insertOne({ mail: 'z' });
    expect(await countOf(collection)).toBe(3);
    await engine.stop();
  });
});

describe('kill -9', () => {
  it(`loses no acknowledged write of ${WRITERS} clients, ${KILLS} times, and keeps indexes consistent`, async () => {
    const acknowledged = new Map<string, number>();
    for (let round = 0; round < KILLS; round++) {
      const child = await spawnEngine(home);
      const client = await connectTo(child);
      const collection = client.db('test').collection<Numbered>('c');
      await collection.createIndex({ even: 1, n: 1 });
      await expectConsistent(collection, acknowledged);
      const enough = acknowledged.size + 40;
      const write = async (writer: number): Promise<void> => {
        for (let at = 0; ; at++) {
          const _id = `${round}-${writer}-${at % 20}`;
          const n = at;
          await collection.updateOne({ _id }, { $set: { n, even: n % 2 === 0 } }, { upsert: true });
          acknowledged.set(_id, n);
          if (acknowledged.size >= enough) child.process.kill('SIGKILL');
        }
      };
      const writers = await Promise.allSettled(
        Array.from({ length: WRITERS }, async (_, writer) => write(writer)),
      );
      expect(writers.every(({ status }) => status === 'rejected')).toBe(true);
      await client.close();
      await killHard(child);
    }
    expect(acknowledged.size).toBeGreaterThanOrEqual(KILLS * 40);
  });
});

/** Every acknowledged value is there, or a later one that was not acknowledged any more; indexes agree with documents. */
async function expectConsistent(
  collection: Collection<Numbered>,
  acknowledged: ReadonlyMap<string, number>,
): Promise<void> {
  const documents = await collection.find().toArray();
  const stored = new Map(documents.map(({ _id, n }) => [_id, n]));
  for (const [id, n] of acknowledged) expect(stored.get(id)).toBeGreaterThanOrEqual(n);
  const even = await collection.find({ even: true }).sort({ n: 1 }).toArray();
  expect(even.map(({ _id }) => _id).toSorted()).toEqual(
    documents
      .filter(({ n }) => n % 2 === 0)
      .map(({ _id }) => _id)
      .toSorted(),
  );
}

interface Text {
  _id: number;
  text: string;
}

const text = (_id: number): Text => ({ _id, text: 'x'.repeat(100_000) });

/** Numbers of the documents; each must be whole. */
async function storedIn(collection: Collection<Text>): Promise<number[]> {
  const documents = await collection.find().sort({ _id: 1 }).toArray();
  expect(documents).toEqual(documents.map(({ _id }) => text(_id)));
  return documents.map(({ _id }) => _id);
}

describe('a full disk', () => {
  it('fails the writes, keeps what was acknowledged, and takes writes again on a disk with room', async () => {
    const child = await spawnEngine(home, 8 * 1024);
    const client = await connectTo(child);
    const collection = client.db('test').collection<Text>('c');
    const acknowledged: number[] = [];
    const attempted = new Map<number, number>();
    const fill = async (first: number): Promise<void> => {
      for (let _id = first; ; _id += WRITERS) {
        attempted.set(first, _id);
        await collection.insertOne(text(_id));
        acknowledged.push(_id);
      }
    };
    const failures = await Promise.all(
      Array.from({ length: WRITERS }, async (_, writer) => failureOf(fill(writer))),
    );
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: 14031 });
    }
    expect(acknowledged.length).toBeGreaterThan(10);
    const kept = await storedIn(collection);
    expect(kept).toEqual(expect.arrayContaining(acknowledged));
    // A write may be there though it was said to have failed; nothing else may.
    const failed = new Set(attempted.values());
    expect(kept.filter((_id) => !acknowledged.includes(_id) && !failed.has(_id))).toEqual([]);
    // A deletion needs pages itself, so it may fail too; what it says is what is true.
    const deleted = new Set<number>();
    for (const _id of kept.slice(0, 10)) {
      const outcome = await collection.deleteOne({ _id }).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 14031 });
      else deleted.add(_id);
    }
    const remaining = kept.filter((_id) => !deleted.has(_id));
    expect(await storedIn(collection)).toEqual(remaining);
    await client.close();
    await killHard(child);
    const again = await spawnEngine(home);
    const second = await connectTo(again);
    const reopened = second.db('test').collection<Text>('c');
    expect(await storedIn(reopened)).toEqual(remaining);
    await reopened.insertMany([text(1000), text(1001)]);
    expect(await storedIn(reopened)).toEqual([...remaining, 1000, 1001]);
    await second.close();
    await killHard(again);
  });
});
