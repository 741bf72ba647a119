import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Collection, type Db, MongoClient } from 'mongodb';
import { startEmbedded } from '../../src/embedded/start.ts';
import { inconsistencies } from './support/consistency.ts';
import { Crasher, endAll } from './support/processes.ts';

interface Item {
  _id: number;
  n: number;
  at?: Date;
  tag?: string;
  marks?: string[];
}

/** What clients can see: the documents, by each index, and the indexes. */
interface State {
  documents: Item[];
  indexes: string[];
}

/** More than what one commit takes. */
const MANY = 250;
const LONG_AGO = new Date('2020-01-01T00:00:00Z');

const item = (_id: number): Item => ({ _id, n: _id, at: LONG_AGO, tag: `t${_id % 3}` });
const items = (from: number, count: number): Item[] =>
  Array.from({ length: count }, (_, at) => item(from + at));

type Operation = (collection: Collection<Item>, crasher: Crasher | undefined) => Promise<unknown>;

const OPERATIONS: [name: string, stored: number, operation: Operation][] = [
  ['an insert', 3, async (c) => c.insertOne(item(100))],
  ['the first insert, which makes the collection', 0, async (c) => c.insertOne(item(100))],
  ['an insert in several commits', 3, async (c) => c.insertMany(items(100, MANY))],
  [
    'an update',
    3,
    async (c) => c.updateOne({ n: 1 }, { $set: { n: -1 }, $push: { marks: { $each: ['x'] } } }),
  ],
  ['an update in several commits', MANY, async (c) => c.updateMany({}, { $inc: { n: 1000 } })],
  ['an upsert', 3, async (c) => c.updateOne({ _id: 100 }, { $set: { n: 5 } }, { upsert: true })],
  ['a replacement', 3, async (c) => c.findOneAndReplace({ _id: 2 }, { n: 77 })],
  ['a deletion', 3, async (c) => c.deleteOne({ _id: 1 })],
  ['a deletion in several commits', MANY, async (c) => c.deleteMany({ n: { $gte: 10 } })],
  ['an ordered bulk', 3, async (c) => c.bulkWrite(bulk())],
  ['building an index', MANY, async (c) => c.createIndex({ n: -1, at: 1 }, { unique: true })],
  ['dropping an index', MANY, async (c) => c.dropIndex('tag_1_n_1')],
  ['dropping a collection', MANY, async (c) => c.drop()],
  ['dropping a database', MANY, async (_c, crasher) => crasher?.database.dropDatabase()],
];

function bulk() {
  return [
    { insertOne: { document: item(100) } },
    { updateOne: { filter: { _id: 1 }, update: { $set: { n: -1 } } } },
    { updateMany: { filter: { n: 0 }, update: { $inc: { n: 500 } } } },
    { deleteOne: { filter: { _id: 2 } } },
  ];
}

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'embedded-test-'));
});
afterEach(async () => {
  await endAll();
  await rm(home, { recursive: true, force: true });
});

async function withEngine<T>(dataDir: string, use: (db: Db) => Promise<T>): Promise<T> {
  const server = await startEmbedded({ dataDir });
  const client = await new MongoClient(server.uri).connect();
  try {
    return await use(client.db('test'));
  } finally {
    await client.close();
    await server.close();
  }
}

async function prepare(dataDir: string, stored: number): Promise<void> {
  await withEngine(dataDir, async (db) => {
    if (stored === 0) return;
    const collection = db.collection<Item>('c');
    await collection.createIndexes([{ key: { tag: 1, n: 1 } }, { key: { at: 1 }, expireAfterSeconds: 3600 }]);
    await collection.insertMany(items(0, stored));
  });
}

/** Opens the store again and reads it; expects each index to give the same documents, and the bytes to fit together. */
async function recovered(dataDir: string): Promise<State> {
  const state = await withEngine(dataDir, async (db) => {
    const collection = db.collection<Item>('c');
    const documents = (await collection.find().toArray()).toSorted((one, other) => one._id - other._id);
    const indexes = (await db.listCollections().toArray()).length > 0 ? await collection.indexes() : [];
    for (const { key } of indexes) {
      const found = await collection.find({}, { sort: key as never }).toArray();
      expect(found.toSorted((one, other) => one._id - other._id)).toEqual(documents);
    }
    return { documents, indexes: indexes.map(({ name }) => name ?? '') };
  });
  expect(await inconsistencies(dataDir)).toEqual([]);
  return state;
}

/** Whether every document and index is as it was or as it should become. */
function expectBetween(state: State, before: State, after: State): void {
  const text = ({ documents }: State): Map<number, string> =>
    new Map(documents.map((document) => [document._id, JSON.stringify(document)]));
  const [now, was, becomes] = [text(state), text(before), text(after)];
  for (const id of new Set([...now.keys(), ...was.keys(), ...becomes.keys()])) {
    expect([was.get(id), becomes.get(id)]).toContain(now.get(id));
  }
  for (const name of before.indexes.filter((known) => after.indexes.includes(known))) {
    if (now.size > 0) expect(state.indexes).toContain(name);
  }
}

/** Runs the operation in a process that kills itself at the n-th commit; false if there are not so many. */
async function crash(dataDir: string, where: string, commit: number, operation: Operation): Promise<boolean> {
  const crasher = await Crasher.start(dataDir);
  try {
    await crasher.tell(`${where} ${commit}`);
    const outcome = await operation(crasher.database.collection<Item>('c'), crasher).then(
      () => 'acknowledged',
      () => 'failed',
    );
    if (outcome === 'failed') await crasher.ended();
    return outcome === 'failed';
  } finally {
    await crasher.kill();
  }
}

async function crashEverywhere(stored: number, operation: Operation): Promise<void> {
  const template = join(home, 'template');
  await prepare(template, stored);
  const before = await recovered(template);
  const finished = join(home, 'finished');
  await cp(template, finished, { recursive: true });
  expect(await crash(finished, 'after', 1000, operation)).toBe(false);
  const after = await recovered(finished);
  expect(after).not.toEqual(before);
  let committed = before;
  for (let commit = 1; ; commit++) {
    const [inside, past] = [join(home, `inside${commit}`), join(home, `past${commit}`)];
    await Promise.all([inside, past].map(async (copy) => cp(template, copy, { recursive: true })));
    if (!(await crash(inside, 'inside', commit, operation))) break;
    expect(await recovered(inside)).toEqual(committed);
    expect(await crash(past, 'after', commit, operation)).toBe(true);
    committed = await recovered(past);
    expectBetween(committed, before, after);
  }
  expect(committed).toEqual(after);
}

describe('a crash at any commit', () => {
  it.each(OPERATIONS)(
    'of %s loses nothing committed and keeps nothing else',
    async (_name, stored, operation) => crashEverywhere(stored, operation),
  );

  it('of deleting what has expired loses nothing committed and keeps nothing else', async () => {
    await crashEverywhere(MANY, async (_collection, crasher) => crasher?.tell('expire'));
  });
});
