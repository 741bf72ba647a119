import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { pino } from 'pino';
import { writeNewFile } from '../../src/embedded/backup/new-file.ts';
import { joinEmbedded } from '../../src/database/connect.ts';
import { StoreSnapshot } from '../../src/embedded/index.ts';
import { type EngineProcess, endGently, spawnEngine } from '../embedded/support/processes.ts';
import { contentsOf, fillWithEverything } from '../support/contents.ts';
import { killAll, runCommand } from '../support/process.ts';

let folder: string;
let dataDir: string;
let file: string;
let engine: EngineProcess;
let client: MongoClient;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backup-'));
  dataDir = join(folder, 'data');
  file = join(folder, 'backup.gz');
  engine = await spawnEngine(dataDir);
  client = await new MongoClient(engine.uri ?? '').connect();
});
afterEach(async () => {
  await client.close();
  await endGently(engine);
  await rm(folder, { recursive: true, force: true });
});
afterAll(killAll);

const backup = (...args: string[]) => runCommand('backup', { DATA_DIR: dataDir }, args).ended;
const restoreTo = (path: string) => runCommand('restore', { DATA_DIR: path }, [file]).ended;

/** What a data directory holds on which no engine runs. */
async function contentsAt(path: string) {
  const restored = await joinEmbedded(path, pino({ level: 'silent' }));
  try {
    return await contentsOf(restored.client);
  } finally {
    await restored.close();
  }
}

describe('npm run backup', () => {
  test('writes what restore makes an equal database of: every byte, the order, every index', async () => {
    await fillWithEverything(client);
    const { code, stdout, stderr } = await backup(file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/Backed up 4 collections, 517 documents, 2\.0 MB, in [\d.]+ s to .*backup\.gz/);
    const other = join(folder, 'other');
    expect(await restoreTo(other)).toMatchObject({ code: 0, stderr: '' });
    const original = await contentsOf(client);
    expect(Object.keys(original)).toHaveLength(4);
    expect(await contentsAt(other)).toEqual(original);
  });

  test('writes the same whether an engine runs or not, for its owner alone', async () => {
    await fillWithEverything(client);
    expect(await backup(file)).toMatchObject({ code: 0 });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await client.close();
    await endGently(engine);
    const second = join(folder, 'second.gz');
    expect(await backup(second)).toMatchObject({ code: 0 });
    expect(gunzipSync(await readFile(second)).equals(gunzipSync(await readFile(file)))).toBe(true);
  });

  test('leaves a file alone that exists, unless it is told to replace it', async () => {
    await writeFile(file, 'precious');
    const refused = await backup(file);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^backup: .*backup\.gz already exists; .*--force.*\n$/);
    expect(await readFile(file, 'utf8')).toBe('precious');
    expect(await backup(file, '--force')).toMatchObject({ code: 0 });
    expect(gunzipSync(await readFile(file)).readUInt32LE()).toBe(0x8199_e26d);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['backup.gz', 'data']);
  });

  test('says in a line what it cannot do', async () => {
    await mkdir(join(folder, 'sub'));
    const inFolder = await backup(join(folder, 'sub'));
    expect(inFolder.stderr).toMatch(/^backup: .*sub is a folder; .*\n$/);
    const nowhere = await backup(join(folder, 'none', 'backup.gz'));
    expect(nowhere.stderr).toMatch(/^backup: ENOENT.*\n$/);
    const without = await backup();
    expect(without.stderr).toBe('backup: The file name is missing. See recoup-tasks backup --help.\n');
    const byNpm = await runCommand('backup', { npm_lifecycle_event: 'backup' }).ended;
    expect(byNpm.stderr).toBe('backup: The file name is missing. See npm run backup -- --help.\n');
    const empty = await runCommand('backup', { DATA_DIR: join(folder, 'no') }, [file]).ended;
    expect(empty.stderr).toMatch(/^backup: There is no embedded database in .*\n$/);
    const uri = { DATA_DIR: dataDir, MONGODB_URI: 'mongodb://u:hunter2@localhost' };
    const server = await runCommand('backup', uri, [file]).ended;
    expect(server.stderr).toMatch(/^backup: .*MONGODB_URI is set.*mongodump.*\n$/);
    expect(server.stderr).not.toContain('hunter2');
    expect([inFolder, nowhere, without, empty, server].map(({ code }) => code)).toEqual([1, 1, 1, 1, 1]);
    expect(await readdir(folder)).toEqual(['data', 'sub']);
  });

  test('is of one moment, while others write', async () => {
    const named = (name: string) => client.db('recoup').collection<{ _id: number; text?: string }>(name);
    const [first, filler, second] = [named('first'), named('filler'), named('second')];
    await first.insertOne({ _id: -1 });
    // Between the two, so that a dump of one collection after the other takes its time.
    const text = 'x'.repeat(3_000);
    await filler.insertMany(Array.from({ length: 4_000 }, (_, _id) => ({ _id, text })));
    await second.insertOne({ _id: -1 });
    let isOver = false;
    let pairs = 0;
    // Every document of "second" was in "first" before; a dump of one collection after the other finds more in "second".
    const writer = (async () => {
      // oxlint-disable-next-line no-unmodified-loop-condition -- it is, below, while this waits
      for (; !isOver; pairs++) {
        await first.insertOne({ _id: pairs });
        await second.insertOne({ _id: pairs });
      }
    })();
    expect(await backup(file)).toMatchObject({ code: 0 });
    isOver = true;
    await writer;
    const other = join(folder, 'other');
    expect(await restoreTo(other)).toMatchObject({ code: 0 });
    const { 'recoup.first': left, 'recoup.second': right }: Record<string, { documents: string[] }> =
      JSON.parse(JSON.stringify(await contentsAt(other)));
    const [before = [], after = []] = [left?.documents, right?.documents];
    expect(before.slice(0, after.length)).toEqual(after);
    expect(before.length - after.length).toBeLessThanOrEqual(1);
  });
});

describe('a snapshot', () => {
  test('does not change, whatever is written, dropped or created while it is read', async () => {
    const first = client.db('recoup').collection<{ _id: number; text?: string }>('first');
    const second = client.db('recoup').collection<{ _id: number }>('second');
    await first.insertMany(Array.from({ length: 1_000 }, (_, _id) => ({ _id })));
    await second.insertMany(Array.from({ length: 1_000 }, (_, _id) => ({ _id })));
    const snapshot = await StoreSnapshot.open(dataDir);
    const [one, two] = snapshot.collections;
    if (!one || !two) throw new Error('there are no collections');
    const documents = snapshot.documents(one);
    const read = [documents.next().value];
    await first.updateMany({}, { $set: { text: 'x'.repeat(3_000) } });
    await first.deleteMany({ _id: { $gte: 500 } });
    await second.drop();
    await client.db('recoup').createCollection('third');
    read.push(...documents);
    const ids = (bytes: readonly unknown[]) =>
      bytes.map((each) => Buffer.isBuffer(each) && each.readInt32LE(9));
    const expected = Array.from({ length: 1_000 }, (_, at) => at);
    expect(ids(read)).toEqual(expected);
    expect(read.map((each) => each?.length)).toEqual(expected.map(() => 14));
    expect(ids([...snapshot.documents(two)])).toEqual(expected);
    expect(snapshot.count(two)).toBe(1_000);
    expect(snapshot.lastCommit()).toBeGreaterThan(snapshot.openedAt);
    await snapshot.close();
    const next = await StoreSnapshot.open(dataDir);
    expect(next.collections.map(({ name }) => name)).toEqual(['first', 'third']);
    expect(next.lastCommit()).toBe(next.openedAt);
    await next.close();
  });
});

describe('a new file', () => {
  async function* pieces(...texts: (string | Error)[]) {
    for (const text of texts) {
      if (text instanceof Error) throw text;
      yield Buffer.from(text);
    }
  }

  test('is not there at all when its writing fails', async () => {
    const failing = pieces('half', new Error('the store is gone'));
    await expect(writeNewFile(file, false, failing)).rejects.toThrow('the store is gone');
    expect(await readdir(folder)).toEqual(['data']);
  });

  test('does not replace one that came into being while it was written', async () => {
    async function* overtaken() {
      yield Buffer.from('mine');
      await writeFile(file, 'theirs');
    }
    await expect(writeNewFile(file, false, overtaken())).rejects.toThrow('already exists');
    expect(await readFile(file, 'utf8')).toBe('theirs');
    expect(await readdir(folder)).toEqual(['backup.gz', 'data']);
  });
});
