import { mkdtemp, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { backUp, findRunningEmbedded, UnusableArchive } from '../../src/embedded/index.ts';
import { decodeMetadata } from '../../src/embedded/backup/archive-metadata.ts';
import { parseArchive } from '../../src/embedded/backup/archive-parser.ts';
import { readArchive } from '../../src/embedded/backup/archive-reader.ts';
import { type EngineProcess, endGently, spawnEngine } from '../embedded/support/processes.ts';
import { contentsOf, fillWithEverything } from '../support/contents.ts';
import { killAll, runCommand, runService } from '../support/process.ts';
import { checkedFetch } from '../support/contract.ts';

/**
 * Written by mongodump 100.x from mongo-java-server: recoup.tasks has {_id: 'a', n: Long(5)} and {_id: 'b', d: 5.5}, a
 * unique index on n and a TTL index on d; recoup.empty is empty.
 */
const MONGODUMP = Buffer.from(
  'H4sIAAAAAAAA/7STy4rUQBSG/xTewM3QC0HEzcFl0nTL4CIgKIMDbhR0KRLSqaMW06lq69JOG7IQn8KFb+ATufQJfINIkplO' +
    'Q2aYcWBqE+pc/u/8OUn558e3CsBeYXQRrGXts8Isl1x4ZbTDDQBizdYpo7vLbDqHcGzXbLPT+C0A+9P96QzCG7Pcxh8CWAS1' +
    '9MkX5T+Z4JOTTOK8Vfoj8LuVlwvcBmC5MGEFMeA7YS5XfgNRss9l7nN8B1CR0pKP2VH6rqIj3lBaUaZk+3ikQ7lg+1J7SmlO' +
    'dR2TzkumtC3IKKb1qOox1fX7mAbwq76hQ1NMfrNqr0Oeauw59ZXRHtGmcRfAzuT4GV3ozOfuyO04O4yuxVlcUdDqc2BKvQ28' +
    'bdJZMqf4lKFHvUmPOFeUj1fK8vMPnu1bLoyWblT5ZEbDkDLbwZ1n6PLL6d7eFZfTNE3z9OJPr1/QnRevD4HJwZsDbM+DtjlT' +
    'EgJAjonGzTNTC0TyJH7v2RWwUYcVs/tl82vy97IC/S9z1tz/LxCNBf4FAAD//44QJbQ0BAAA',
  'base64',
);

let folder: string;
let dataDir: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'restore-'));
  dataDir = join(folder, 'data');
  file = join(folder, 'backup.gz');
});
afterEach(() => rm(folder, { recursive: true, force: true }));
afterAll(killAll);

const restore = (...args: string[]) => runCommand('restore', { DATA_DIR: dataDir }, args);

async function withEngine<T>(path: string, work: (client: MongoClient, engine: EngineProcess) => Promise<T>) {
  const engine = await spawnEngine(path);
  const client = await new MongoClient(engine.uri ?? '').connect();
  try {
    return await work(client, engine);
  } finally {
    await client.close();
    await endGently(engine);
  }
}

/** A backup of what `fill` makes, and what that is. */
async function backupOf(fill: (client: MongoClient) => Promise<unknown>) {
  return withEngine(join(folder, 'source'), async (client) => {
    await fill(client);
    await backUp(join(folder, 'source'), file, { replace: false });
    return contentsOf(client);
  });
}

const oldTask = (client: MongoClient) =>
  client.db('recoup').collection<{ _id: string }>('tasks').insertOne({ _id: 'old' });

describe('npm run restore', () => {
  test("reads mongodump's archives, gzipped or not", async () => {
    await writeFile(file, MONGODUMP);
    expect(await restore(file).ended).toMatchObject({ code: 0, stderr: '' });
    const contents = await withEngine(dataDir, contentsOf);
    expect(contents['recoup.empty']).toMatchObject({ documents: [] });
    expect(contents['recoup.tasks']).toEqual({
      documents: [
        '1b000000025f696400020000006100126e00050000000000000000',
        '1b000000025f696400020000006200016400000000000000164000',
      ],
      indexes: [
        { v: 2, key: { _id: 1 }, name: '_id_' },
        { v: 2, key: { n: -1 }, name: 'n_-1', unique: true },
        { v: 2, key: { d: 1 }, name: 'd_1', expireAfterSeconds: 60 },
      ],
    });
    await writeFile(file, gunzipSync(MONGODUMP));
    expect(await restore(file, '--force').ended).toMatchObject({ code: 0, stderr: '' });
    expect(await withEngine(dataDir, contentsOf)).toEqual(contents);
  });

  test('replaces everything under a running service, after it was told to', async () => {
    await writeFile(file, MONGODUMP);
    const service = await runService({ DATA_DIR: dataDir });
    const idsAt = async () => {
      const { tasks } = await (await checkedFetch(`${service.url}/api/tasks`)).json();
      return tasks.map(({ id }: { id: string }) => id);
    };
    const before = await idsAt();
    const refused = await restore(file).ended;
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(
      /^restore: The database contains \d+ documents in recoup\.tasks, .*--force.*\n$/,
    );
    expect(await idsAt()).toEqual(before);

    const own = join(folder, 'own.gz');
    await backUp(dataDir, own, { replace: false });
    await withoutTasks(dataDir);
    expect(await idsAt()).toEqual([]);
    expect(await restore(own, '--force').ended).toMatchObject({ code: 0, stderr: '' });
    expect(await idsAt()).toEqual(before);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('brings back what was there, and nothing else, wherever there was more', async () => {
    const contents = await backupOf(fillWithEverything);
    await withEngine(dataDir, async (client) => {
      await oldTask(client);
      await client.db('stale').collection('things').insertOne({});
      const { code, stdout } = await restore(file, '--force').ended;
      expect(code).toBe(0);
      expect(stdout).toMatch(/Restored 4 collections, 517 documents, 2\.0 MB, in [\d.]+ s\./);
      expect(await contentsOf(client)).toEqual(contents);
      // The unique index works, not only its description.
      const indexed = client.db('recoup').collection<{ _id: number; code: number }>('indexed');
      await expect(indexed.insertOne({ _id: -1, code: 7 })).rejects.toThrow('E11000');
      expect(await indexed.find({ code: 7 }).explain()).toMatchObject({ queryPlanner: {} });
    });
    expect(await withEngine(dataDir, contentsOf)).toEqual(contents);
  });

  test('changes nothing where a file is damaged, foreign, newer, or holds what does not fit', async () => {
    await withEngine(dataDir, async (client) => {
      await oldTask(client);
      const before = await contentsOf(client);
      const archive = gunzipSync(MONGODUMP);
      const twice = Buffer.from(archive);
      twice.write('b', twice.lastIndexOf(Buffer.from('\u0002\0\0\0a\0')) + 4);
      const cases: [Buffer, RegExp][] = [
        [Buffer.alloc(0), /it is empty/],
        [Buffer.from('{"tasks": []}'), /it is not a backup.*the command backup/],
        [gzipSync('{"tasks": []}'), /it is not a backup/],
        [MONGODUMP.subarray(0, -9), /gzip data is damaged.*use another backup/],
        [Buffer.concat([MONGODUMP, Buffer.alloc(9)]), /it has data after its end/],
        [Buffer.concat([MONGODUMP, Buffer.from('x')]), /It is damaged/],
        [archive.subarray(0, -4), /it ends too early|it is cut off/],
        [twice, /checksum of recoup\.tasks is wrong/],
        [replaced(archive, '0.1\0', '0.2\0'), /version "0\.2".*newer/],
        [replaced(archive, '"unique":true', '"sparse":true'), /index n_-1 .* option "sparse".*mongorestore/],
      ];
      for (const [bytes, reason] of cases) {
        await writeFile(file, bytes);
        const { code, stdout, stderr } = await restore(file, '--force').ended;
        expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
        expect(stderr).toMatch(/^restore: [^\n]+ Nothing was changed\.\n$/);
        expect(stderr).toMatch(reason);
      }
      expect(await contentsOf(client)).toEqual(before);
    });
  });

  test('changes nothing where a unique index forbids the documents', async () => {
    await backupOf(async (client) => {
      const things = client.db('recoup').collection<{ _id: number; n: number }>('things');
      await things.insertMany(Array.from({ length: 300 }, (_, at) => ({ _id: at, n: 1 })));
    });
    const archive = gunzipSync(await readFile(file));
    const text = '{"v":{"$numberInt":"2"},"key":{"_id":{"$numberInt":"1"}},"name":"_id_"}';
    const metadata = archive.indexOf(text);
    expect(metadata).toBeGreaterThan(0);
    // The only index there is asks for unique numbers now, under another name of the same length.
    const unique = text
      .replace('"_id":', '"n"  :')
      .replace('"_id_"', '"n_1" ')
      .replace('"v":{"$numberInt":"2"}', '"unique": true        ');
    expect(unique).toHaveLength(text.length);
    archive.write(unique, metadata);
    await writeFile(file, archive);
    await withEngine(dataDir, async (client) => {
      await oldTask(client);
      const before = await contentsOf(client);
      const { code, stderr } = await restore(file, '--force').ended;
      expect(code).toBe(1);
      expect(stderr).toMatch(/^restore: .*E11000.*\n$/);
      expect(await contentsOf(client)).toEqual(before);
    });
  });

  test.each(['running', 'stopped'])(
    'killed in the middle leaves the old data, the service %s',
    async (state) => {
      const contents = await backupOf(async (client) => {
        const things = client.db('recoup').collection<{ _id: number; text: string }>('things');
        await things.insertMany(Array.from({ length: 4_000 }, (_, _id) => ({ _id, text: 'x'.repeat(500) })));
      });
      await withEngine(dataDir, oldTask);
      const before = await withEngine(dataDir, contentsOf);
      const engine = state === 'running' ? await spawnEngine(dataDir) : undefined;
      const child = restore(file, '--force');
      await child.printed('Restoring');
      const client = await new MongoClient((await findRunningEmbedded(dataDir)) ?? '').connect();
      const staged = client.db('_restoring').collection('c0');
      while ((await staged.estimatedDocumentCount()) === 0) expect(child.isRunning()).toBe(true);
      child.kill('SIGKILL');
      expect(await child.ended).toMatchObject({ signal: 'SIGKILL' });
      if (engine) {
        const now = await contentsOf(client);
        expect(Object.keys(now).toSorted()).toEqual(['_restoring.c0', ...Object.keys(before)]);
        expect(now).toMatchObject(before);
      }
      await client.close();
      if (engine) await endGently(engine);
      expect(await withEngine(dataDir, contentsOf)).toEqual(before);
      expect(await restore(file, '--force').ended).toMatchObject({ code: 0, stderr: '' });
      expect(await withEngine(dataDir, contentsOf)).toEqual(contents);
    },
  );

  test('does not make a data directory for a file that it cannot read', async () => {
    const { code, stderr } = await restore(join(folder, 'none.gz')).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^restore: ENOENT.*none\.gz'\. Check the path and the targets of its symbolic links\.\n$/,
    );
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('reading an archive', () => {
  const archive = gunzipSync(MONGODUMP);
  async function* cut(bytes: Buffer, chunkBytes: number) {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  }
  async function parse(bytes: Buffer, chunkBytes: number) {
    const found: string[] = [];
    for await (const part of parseArchive(cut(bytes, chunkBytes))) {
      if (part.kind === 'documents') found.push(...part.documents.map((each) => each.toString('hex')));
    }
    return found;
  }

  test('finds the same documents however it is cut into chunks', async () => {
    const whole = await parse(archive, archive.length);
    expect(whole).toHaveLength(2);
    for (let chunkBytes = 1; chunkBytes < 60; chunkBytes++) {
      expect(await parse(archive, chunkBytes)).toEqual(whole);
    }
  });

  test('refuses it cut off at any byte', async () => {
    for (let length = 0; length < archive.length; length++) {
      await expect(parse(archive.subarray(0, length), 64)).rejects.toThrow(UnusableArchive);
    }
  });

  test('refuses any other bit in its documents and their frame', async () => {
    const blocks = archive.indexOf(Buffer.from('ffffffff', 'hex')) + 4;
    for (let at = blocks; at < archive.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = Buffer.from(archive);
        damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << bit), at);
        const isHarmless = HARMLESS.some(([from, to]) => at >= from && at < to);
        if (!isHarmless) await expect(parse(damaged, damaged.length)).rejects.toThrow(UnusableArchive);
      }
    }
  });

  /** The checksum of a header that does not end a collection is never used, nor which of its bits say "true". */
  // oxlint-disable-next-line no-control-regex -- they are what the format has
  const HARMLESS = [...archive.toString('latin1').matchAll(/EOF\0(.)\x12CRC\0/gs)].map(
    ({ index, 1: isEnd }): [number, number] => [index + 4, isEnd === '\x01' ? index + 5 : index + 18],
  );

  test('refuses any byte more or less in the compressed file', async () => {
    async function read(bytes: Buffer) {
      await writeFile(file, bytes);
      const handle = await open(file);
      try {
        for await (const part of readArchive(handle)) expect(part).toBeDefined();
      } finally {
        await handle.close();
      }
    }
    await read(MONGODUMP);
    for (let length = 0; length < MONGODUMP.length; length += 7) {
      await expect(read(MONGODUMP.subarray(0, length))).rejects.toThrow(UnusableArchive);
    }
    await expect(read(Buffer.concat([MONGODUMP, MONGODUMP]))).rejects.toThrow(UnusableArchive);
    for (let at = 10; at < MONGODUMP.length; at += 3) {
      const damaged = Buffer.from(MONGODUMP);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x10, at);
      await expect(read(damaged)).rejects.toThrow(UnusableArchive);
    }
  });

  test('refuses what the embedded database does not have', () => {
    const decode = (metadata: object) => decodeMetadata('a', 'b', JSON.stringify(metadata));
    const index = (fields: object) => ({ indexes: [{ v: 2, name: 'i', key: { a: 1 }, ...fields }] });
    expect(decode(index({ unique: false, sparse: false, background: true })).indexes).toEqual([
      { name: 'i', key: { a: 1 } },
    ]);
    for (const metadata of [
      index({ sparse: true }),
      index({ partialFilterExpression: { a: 1 } }),
      index({ key: { a: 'text' } }),
      index({ key: { 'a.b': 1 } }),
      { indexes: [], options: { capped: true } },
      { indexes: [], type: 'view' },
      { indexes: [{ key: { a: 1 } }] },
    ]) {
      expect(() => decode(metadata)).toThrow(UnusableArchive);
    }
  });
});

/** Leaves a running service without tasks, as a careless user might. */
async function withoutTasks(path: string): Promise<void> {
  const client = await new MongoClient((await findRunningEmbedded(path)) ?? '').connect();
  await client.db('recoup').collection('tasks').deleteMany({});
  await client.close();
}

function replaced(archive: Buffer, from: string, to: string): Buffer {
  const bytes = Buffer.from(archive);
  expect(bytes.indexOf(from)).toBeGreaterThan(0);
  bytes.write(to, bytes.indexOf(from));
  return bytes;
}
